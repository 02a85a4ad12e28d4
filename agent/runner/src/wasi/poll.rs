//! `poll_oneoff`, of a bounded number of subscriptions, and not for longer than until the guest is told
//! to end.
//!
//! wasmtime-wasi makes an object of the host for each subscription, and traps the guest when there is
//! no room for another; here a guest that asks for too many is told so, as `poll(2)` does. One that
//! only sleeps, as most of those that wait long, needs no object at all: it takes a tenth of the
//! memory so.

use std::time::Duration;

use wasmtime::{AsContextMut as _, Caller, Linker};
use wasmtime_wasi::p1::{
    WasiP1Ctx, types,
    wasi_snapshot_preview1::{self as functions, WasiSnapshotPreview1 as _},
};
use wiggle::{GuestMemory, GuestPtr};

use super::linker::{WASI, memory};
use crate::{guest::Guest, metering::Account};

/// The size of a subscription in guest memory; where in it what is waited for is told, after what is
/// given back with the event.
const SUBSCRIPTION_BYTES: usize = 48;
const KIND_AT: usize = 8;
/// The kind of a clock, of a subscription and of an event.
const CLOCK: u8 = 0;
/// The size of an event.
const EVENT_BYTES: usize = 32;

/// Defines it, in the place of wasmtime-wasi's own. For a guest that is told to end while it waits,
/// or that has been, the first of its clocks has come.
pub(super) fn define(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    type Arguments = (i32, i32, i32, i32);
    linker.func_wrap_async(
        WASI,
        "poll_oneoff",
        |mut caller: Caller<'_, Guest>, (subscriptions, events, count, happened): Arguments| {
            Box::new(async move {
                if u64::from(count.cast_unsigned()) > caller.data().limits.subscriptions {
                    return Ok(types::Errno::Inval as i32);
                }
                let memory = memory(&mut caller)?;
                let fuel = caller.as_context_mut().hostcall_fuel();
                let (memory, guest) = memory.data_and_store_mut(&mut caller);
                let poll = Poll {
                    subscriptions,
                    events,
                    count,
                    happened,
                };
                let account = guest.meter.account();
                if let Some(time) = poll.sleep(memory) {
                    sleep(time, account).await;
                    return Ok(poll.has_come(memory));
                }
                guest.wasi.set_hostcall_fuel(fuel);
                // Boxed: it is ten times as large as a sleep, and most that wait long sleep.
                Box::pin(poll.any(memory, &mut guest.wasi, account)).await
            })
        },
    )?;
    Ok(())
}

/// The arguments of a call.
#[derive(Clone, Copy, Debug)]
struct Poll {
    subscriptions: i32,
    events: i32,
    count: i32,
    happened: i32,
}

impl Poll {
    /// How long the guest wants to sleep, if that is all that it wants.
    fn sleep(self, memory: &mut [u8]) -> Option<Duration> {
        if self.count != 1 {
            return None;
        }
        let at = GuestPtr::<types::Subscription>::new(self.subscriptions.cast_unsigned());
        let subscription = GuestMemory::Unshared(memory).read(at).ok()?;
        match subscription.u {
            types::SubscriptionU::Clock(clock)
                if matches!(
                    clock.id,
                    types::Clockid::Monotonic | types::Clockid::Realtime
                ) && !clock
                    .flags
                    .contains(types::Subclockflags::SUBSCRIPTION_CLOCK_ABSTIME) =>
            {
                Some(Duration::from_nanos(clock.timeout))
            }
            _ => None,
        }
    }

    /// Tells that the first clock has come.
    fn has_come(self, memory: &mut [u8]) -> i32 {
        let clock = clock_of(memory, self.subscriptions, self.count);
        let has_come = clock.and_then(|clock| come(memory, clock, self.events, self.happened));
        has_come.map_or(types::Errno::Fault as i32, |()| 0)
    }

    /// Waits for any of the subscriptions, or for being told to end if there is a clock among them.
    async fn any(
        self,
        memory: &mut [u8],
        wasi: &mut WasiP1Ctx,
        account: &Account,
    ) -> wasmtime::Result<i32> {
        let stops =
            account.has_stop_hook() && clock_of(memory, self.subscriptions, self.count).is_some();
        let poll = async {
            let memory = &mut GuestMemory::Unshared(&mut *memory);
            let Self {
                subscriptions,
                events,
                count,
                happened,
            } = self;
            functions::poll_oneoff(wasi, memory, subscriptions, events, count, happened).await
        };
        tokio::select! {
            biased;
            () = account.asked_to_stop(), if stops => {}
            result = poll => return result,
        }
        Ok(self.has_come(memory))
    }
}

/// Sleeps, but no longer than until the guest is told to end.
async fn sleep(time: Duration, account: &Account) {
    if time.is_zero() {
        return;
    }
    tokio::select! {
        biased;
        () = account.asked_to_stop(), if account.has_stop_hook() => {}
        () = tokio::time::sleep(time) => {}
    }
}

/// What is given back with the event of the first clock among subscriptions.
fn clock_of(memory: &[u8], subscriptions: i32, count: i32) -> Option<[u8; 8]> {
    let begin = usize::try_from(subscriptions.cast_unsigned()).ok()?;
    let count = usize::try_from(count.cast_unsigned()).ok()?;
    let of = |index: usize| {
        let at = begin.checked_add(index * SUBSCRIPTION_BYTES)?;
        memory.get(at..at.checked_add(SUBSCRIPTION_BYTES)?)
    };
    let clock = (0..count)
        .map_while(of)
        .find(|subscription| subscription.get(KIND_AT) == Some(&CLOCK))?;
    clock.first_chunk().copied()
}

/// Tells the guest that this clock has come, and nothing else.
fn come(memory: &mut [u8], clock: [u8; 8], events: i32, happened: i32) -> Option<()> {
    let at = usize::try_from(events.cast_unsigned()).ok()?;
    let event = memory.get_mut(at..at.checked_add(EVENT_BYTES)?)?;
    event.fill(0);
    *event.first_chunk_mut()? = clock;
    event[10] = CLOCK;
    let at = usize::try_from(happened.cast_unsigned()).ok()?;
    let number = memory.get_mut(at..at.checked_add(4)?)?;
    number.copy_from_slice(&1_u32.to_le_bytes());
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_clock_is_found_and_its_event_told() {
        let mut memory = vec![7; 256];
        // Reading, then a clock.
        memory[8] = 1;
        memory[SUBSCRIPTION_BYTES..SUBSCRIPTION_BYTES + 8].copy_from_slice(&42_u64.to_le_bytes());
        memory[SUBSCRIPTION_BYTES + 8] = CLOCK;
        assert_eq!(clock_of(&memory, 0, 1), None);
        let clock = clock_of(&memory, 0, 2).unwrap();
        assert_eq!(u64::from_le_bytes(clock), 42);
        come(&mut memory, clock, 128, 200).unwrap();
        assert_eq!(memory[128..136], 42_u64.to_le_bytes());
        assert_eq!(memory[136..160], [0; 24]);
        assert_eq!(memory[200..204], 1_u32.to_le_bytes());
    }

    #[test]
    fn what_lies_outside_is_left_alone() {
        let mut memory = vec![0; 64];
        assert_eq!(clock_of(&memory, 32, 1), None);
        assert_eq!(clock_of(&memory, -1, -1), None);
        assert_eq!(come(&mut memory, [1; 8], 40, 0), None);
        assert_eq!(come(&mut memory, [1; 8], 0, 62), None);
    }
}
