//! What a store holds for its guest.

use stoker_types::GuestLimits;
use wasmtime_wasi::p1::WasiP1Ctx;

use crate::{limits::MemoryLimiter, metering::Meter, wasi::Quota};

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
