//! Waiting for something that happens in another process: looked at again and again, and never
//! longer than it takes.

use std::{
    thread,
    time::{Duration, Instant},
};

/// How long to wait between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// Looks until `condition` gives a value. Its error is what is the case instead.
///
/// ```
/// use std::time::Duration;
///
/// let mut looks = 0;
/// let seen = stoker_sdk_testing::wait_for("a third look", Duration::from_secs(5), || {
///     looks += 1;
///     if looks == 3 { Ok(looks) } else { Err(format!("{looks} looks")) }
/// });
/// assert_eq!(seen, 3);
/// ```
///
/// # Panics
/// If `timeout` is over: with what was awaited and what was the case at last.
pub fn wait_for<T>(
    what: &str,
    timeout: Duration,
    mut condition: impl FnMut() -> Result<T, String>,
) -> T {
    let start = Instant::now();
    loop {
        match condition() {
            Ok(value) => return value,
            Err(status) if start.elapsed() >= timeout => give_up(what, timeout, &status),
            Err(_) => thread::sleep(PAUSE),
        }
    }
}

/// Like [`wait_for`], where looking is asynchronous.
///
/// # Panics
/// If `timeout` is over: with what was awaited and what was the case at last.
pub async fn wait_for_async<T>(
    what: &str,
    timeout: Duration,
    mut condition: impl AsyncFnMut() -> Result<T, String>,
) -> T {
    let start = tokio::time::Instant::now();
    loop {
        match condition().await {
            Ok(value) => return value,
            Err(status) if start.elapsed() >= timeout => give_up(what, timeout, &status),
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

fn give_up(what: &str, timeout: Duration, status: &str) -> ! {
    panic!("waited {timeout:?} for {what}; at last: {status}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "waited 1ms for rain; at last: the sun shines")]
    fn giving_up_says_what_was_seen_last() {
        let sunny = || Err::<(), _>("the sun shines".to_owned());
        wait_for("rain", Duration::from_millis(1), sunny);
    }
}
