//! What a store holds for its guest.

use stoker_types::GuestLimits;
use wasmtime_wasi::p1::WasiP1Ctx;

use crate::{limits::MemoryLimiter, metering::Meter, wasi::Quota};

/// Freeing so much takes some microseconds, less than telling another thread to do it.
const LIGHT_BYTES: u64 = 2 << 20;

/// The host's side of one guest.
pub(crate) struct Guest {
    /// Its WASI context: arguments, environment, streams, descriptors.
    pub(crate) wasi: WasiP1Ctx,
    /// What of its disk it may take.
    pub(crate) quota: Quota,
    /// What else it may take from the host.
    pub(crate) limits: GuestLimits,
    /// What of memory it may have.
    pub(crate) memory: MemoryLimiter,
    /// What it has used.
    pub(crate) meter: Meter,
}

impl Guest {
    /// Whether what it leaves is freed in no time.
    pub(crate) fn is_light(&self) -> bool {
        self.memory.used() <= LIGHT_BYTES && !self.quota.holds_files()
    }
}

impl std::fmt::Debug for Guest {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Guest")
            .field("quota", &self.quota)
            .field("memory", &self.memory)
            .field("meter", &self.meter)
            .finish_non_exhaustive()
    }
}
