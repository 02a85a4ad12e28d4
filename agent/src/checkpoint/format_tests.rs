//! A segment that was cut or changed at any byte gives a prefix of its records or a named error.

use proptest::prelude::*;

use super::*;

const HEADER: SegmentHeader = SegmentHeader {
    number: 7,
    is_snapshot: false,
    boot: *b"fedcba9876543210",
};

/// A segment with these payloads. Each is written as if the log was synced just before it, if its
/// flag says so.
fn segment(payloads: &[(Vec<u8>, bool)]) -> Vec<u8> {
    let mut bytes = encode_header(&HEADER).to_vec();
    let mut synced = 0;
    for (payload, is_synced_before) in payloads {
        if *is_synced_before {
            synced = bytes.len() as u64;
        }
        assert!(encode_record(payload, synced, &mut bytes));
    }
    bytes
}

fn read(segment: &[u8], tail: Tail) -> Result<Vec<Vec<u8>>, Damage> {
    let Some(_) = decode_header(segment)? else {
        return Ok(Vec::new());
    };
    let found = scan(segment, tail)?;
    Ok(found
        .payloads
        .into_iter()
        .map(|payload| segment[payload].to_vec())
        .collect())
}

fn payloads() -> impl Strategy<Value = Vec<(Vec<u8>, bool)>> {
    prop::collection::vec(
        (prop::collection::vec(any::<u8>(), 0..40), any::<bool>()),
        0..8,
    )
}

fn is_prefix(read: &[Vec<u8>], written: &[(Vec<u8>, bool)]) -> bool {
    read.len() <= written.len()
        && read
            .iter()
            .zip(written)
            .all(|(read, written)| *read == written.0)
}

/// Where the record that holds `offset` begins, and whether it is the last one.
fn record_of(written: &[(Vec<u8>, bool)], offset: usize) -> (usize, bool) {
    let mut start = HEADER_BYTES;
    for (index, (payload, _)) in written.iter().enumerate() {
        let end = start + RECORD_HEADER_BYTES + payload.len();
        if offset < end {
            return (start, index + 1 == written.len());
        }
        start = end;
    }
    panic!("no record holds offset {offset}");
}

proptest! {
    #[test]
    fn what_was_written_is_read(written in payloads()) {
        let bytes = segment(&written);
        for tail in [Tail::Whole, Tail::Killed, Tail::PowerCut] {
            let found = read(&bytes, tail).unwrap();
            prop_assert_eq!(found.len(), written.len());
            prop_assert!(is_prefix(&found, &written));
        }
        prop_assert_eq!(decode_header(&bytes), Ok(Some(HEADER)));
    }

    #[test]
    fn a_cut_at_every_offset_leaves_a_prefix(written in payloads()) {
        let bytes = segment(&written);
        for length in 0..bytes.len() {
            for tail in [Tail::Killed, Tail::PowerCut] {
                let found = read(&bytes[..length], tail);
                prop_assert!(found.is_ok(), "cut to {}: {:?}", length, found);
                prop_assert!(is_prefix(&found.unwrap(), &written), "cut to {}", length);
            }
        }
    }

    #[test]
    fn a_changed_byte_in_the_middle_is_named(written in payloads(), change in 1..=255_u8) {
        let bytes = segment(&written);
        for offset in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[offset] ^= change;
            let found = read(&changed, Tail::Killed);
            if offset < HEADER_BYTES {
                let expected = if offset < 8 { Damage::Foreign } else { Damage::At { offset: 0 } };
                prop_assert_eq!(found, Err(expected));
                continue;
            }
            let (start, is_last) = record_of(&written, offset);
            if is_last {
                prop_assert_eq!(found.clone().map(|records| records.len()), Ok(written.len() - 1));
                prop_assert!(is_prefix(&found.unwrap(), &written));
            } else {
                prop_assert_eq!(found, Err(Damage::At { offset: start }));
            }
            prop_assert_eq!(read(&changed, Tail::Whole), Err(Damage::At { offset: start }));
        }
    }

    #[test]
    fn after_a_power_cut_damage_counts_where_the_log_was_synced(
        written in payloads(),
        change in 1..=255_u8,
    ) {
        let bytes = segment(&written);
        for offset in HEADER_BYTES..bytes.len() {
            let mut changed = bytes.clone();
            changed[offset] ^= change;
            let (start, _) = record_of(&written, offset);
            let mut starts = Vec::new();
            let mut next = HEADER_BYTES;
            for (payload, is_synced_before) in &written {
                starts.push((next, *is_synced_before));
                next += RECORD_HEADER_BYTES + payload.len();
            }
            let was_synced = starts.iter().any(|(next, is_synced)| *next > start && *is_synced);
            match read(&changed, Tail::PowerCut) {
                Ok(found) => {
                    prop_assert!(!was_synced, "synced, and cut at {}", start);
                    prop_assert!(is_prefix(&found, &written));
                }
                Err(damage) => {
                    prop_assert!(was_synced, "not synced, and {} at {}", damage, start);
                    prop_assert_eq!(damage, Damage::At { offset: start });
                }
            }
        }
    }

    #[test]
    fn zeros_behind_the_records_are_a_torn_tail(written in payloads(), zeros in 1..100_usize) {
        let mut bytes = segment(&written);
        bytes.resize(bytes.len() + zeros, 0);
        prop_assert_eq!(read(&bytes, Tail::PowerCut).unwrap().len(), written.len());
    }
}

#[test]
fn another_version_and_another_file_are_told_from_damage() {
    let mut bytes = segment(&[(b"one".to_vec(), true)]);
    bytes[8] = 9;
    let checksum = crc32c::crc32c(&bytes[..40]);
    bytes[40..44].copy_from_slice(&checksum.to_le_bytes());
    assert_eq!(decode_header(&bytes), Err(Damage::Version { found: 9 }));
    assert_eq!(decode_header(b"#!/bin/sh\n"), Err(Damage::Foreign));
}

#[test]
fn a_torn_record_that_holds_a_whole_one_is_still_torn() {
    let mut inner = Vec::new();
    assert!(encode_record(b"not a record of the log", 1000, &mut inner));
    inner.extend_from_slice(b"and more");
    let bytes = segment(&[(b"one".to_vec(), true), (inner, true)]);
    let cut = &bytes[..bytes.len() - 1];
    assert_eq!(read(cut, Tail::Killed), Ok(vec![b"one".to_vec()]));
    assert_eq!(read(cut, Tail::PowerCut), Ok(vec![b"one".to_vec()]));
}

#[test]
fn a_payload_over_the_bound_is_refused_and_leaves_nothing() {
    let mut bytes = Vec::new();
    assert!(!encode_record(&vec![0; PAYLOAD_BYTES + 1], 0, &mut bytes));
    assert!(bytes.is_empty());
}
