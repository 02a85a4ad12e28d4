//! Batches: at most so many items and so many bytes in one message of a control stream.

use prost::Message;
use stoker_types::limit;

/// What an item costs beside its own bytes: its tag and its length.
const FRAMING_BYTES: usize = 8;

/// What an event or a call may hold of a list that is spread over several of them. Half a batch,
/// so that they pack well.
pub(super) const PART_BYTES: usize = limit::BATCH_BYTES / 2;

/// Whether an item fits into a batch at all.
pub(super) fn fits(item: &impl Message) -> bool {
    item.encoded_len() + FRAMING_BYTES <= limit::BATCH_BYTES
}

/// Spreads items, in order, over groups of at most `limit::BATCH_ITEMS` items and `bytes` bytes.
/// An item that is larger by itself gets a group of its own. No items give no group.
pub(super) fn split<T: Message>(items: impl IntoIterator<Item = T>, bytes: usize) -> Vec<Vec<T>> {
    let mut groups: Vec<Vec<T>> = Vec::new();
    let mut room = 0;
    let mut items = items.into_iter();
    while let Some(item) = items.next() {
        let cost = item.encoded_len() + FRAMING_BYTES;
        match groups.last_mut() {
            Some(group) if cost <= room && group.len() < limit::BATCH_ITEMS => {
                group.push(item);
                room -= cost;
            }
            Some(_) | None => {
                let (least, most) = items.size_hint();
                let more = most.unwrap_or(least).min(limit::BATCH_ITEMS - 1);
                let mut group = Vec::with_capacity(1 + more);
                group.push(item);
                groups.push(group);
                room = bytes.saturating_sub(cost);
            }
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::split;
    use crate::v1;

    fn key(task_id: &str) -> v1::TaskKey {
        v1::TaskKey {
            framework_id: String::new(),
            task_id: task_id.into(),
        }
    }

    #[test]
    fn a_group_is_full_by_items_or_by_bytes() {
        let many = std::iter::repeat_with(|| key("a")).take(2500);
        let sizes: Vec<usize> = split(many, 1 << 20).iter().map(Vec::len).collect();
        assert_eq!(sizes, [1000, 1000, 500]);

        let long = "x".repeat(100);
        let large = [
            key(&long),
            key(&long),
            key("b"),
            key(&"y".repeat(1000)),
            key("c"),
        ];
        let sizes: Vec<usize> = split(large, 240).iter().map(Vec::len).collect();
        assert_eq!(sizes, [3, 1, 1]);

        assert!(split(Vec::<v1::TaskKey>::new(), 240).is_empty());
    }
}
