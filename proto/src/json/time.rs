//! Points in time: RFC 3339 in UTC, to the microsecond.

use jiff::Timestamp;

/// The point as the JSON shows it; the end of the calendar if it lies behind it.
#[must_use]
pub fn time(point: stoker_types::Timestamp) -> Timestamp {
    i64::try_from(point.as_micros())
        .ok()
        .and_then(|microseconds| Timestamp::from_microsecond(microseconds).ok())
        .unwrap_or(Timestamp::MAX)
}
