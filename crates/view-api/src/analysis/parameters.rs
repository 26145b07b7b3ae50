//! What the addresses of the analysis take.

use serde::Deserialize;
use utoipa::IntoParams;

/// Parameters with those in front that every question about a time range has.
macro_rules! parameters {
    ($(#[$about:meta])* $name:ident { $($(#[$of:meta])* $field:ident),* $(,)? }) => {
        $(#[$about])*
        #[derive(Deserialize, IntoParams, Default, Debug)]
        #[serde(default, deny_unknown_fields)]
        #[into_params(parameter_in = Query)]
        pub(crate) struct $name {
            /// Started at this time or later: RFC 3339, or nanoseconds since 1970. A day before `to` if absent.
            #[param(example = "2026-11-20T09:00:00Z")]
            pub(super) from: Option<String>,
            /// Started before this time: RFC 3339, or nanoseconds since 1970. Now if absent.
            pub(super) to: Option<String>,
            /// Of spans, else of their trace.
            pub(super) region: Option<String>,
            /// Of spans, else of their trace.
            pub(super) queue: Option<String>,
            /// Of spans, else of their trace.
            pub(super) channel: Option<String>,
            /// Only spans of traces in which this `service.version` ran.
            pub(super) version: Option<String>,
            /// Only spans of interactions that this finds; as the list's.
            #[param(example = "hold>30s -outcome=handled")]
            pub(super) q: Option<String>,
            /// Only spans of interactions with this outcome.
            pub(super) outcome: Option<String>,
            /// Only spans of interactions with this agent, by id.
            pub(super) agent: Option<String>,
            /// Only spans of interactions with this service.
            pub(super) service: Option<String>,
            /// Only spans of interactions that took at least this long: `1.5s`, `200ms`, or nanoseconds.
            pub(super) min_duration: Option<String>,
            /// `true`: only spans of interactions with a failed span.
            pub(super) errors: Option<String>,
            $($(#[$of])* pub(super) $field: Option<String>,)*
        }
    };
}

parameters! {
    /// All are optional, and empty means absent.
    OverviewParameters {
        /// Who leaves a queue sooner does not count as abandoned; 5 s if absent.
        #[param(example = "5s")]
        short_abandon,
        /// Objectives for p95 other than those of the settings.
        #[param(example = "queue:2m,action:900ms")]
        objectives,
        /// Thresholds of service levels other than those of the settings.
        #[param(example = "queue:20s,alert:15s")]
        service_levels,
    }
}

parameters! {
    /// All are optional, and empty means absent.
    StageParameters {
        /// queue, region, channel, version, agent or operation
        group_by,
        /// Steps of time at most, 1 to 400; 64 if absent. Of an hour or more they are multiples of 5 minutes, from a day on of
        /// an hour, from 20 days on of a day.
        steps,
        /// Objective for p95 other than that of the settings.
        objective,
        /// Threshold of the service level other than that of the settings.
        service_level,
    }
}

parameters! {
    /// `from` and `to` are those of the whole map, the box lies inside; `box_from` and `box_to` are needed.
    DiffersParameters {
        /// Left side of the box: RFC 3339, or nanoseconds since 1970.
        #[param(required, example = "2026-11-20T13:20:00Z")]
        box_from,
        /// Right side of the box, not included.
        #[param(required, example = "2026-11-20T15:40:00Z")]
        box_to,
        /// Shortest duration in the box; 0 if absent.
        #[param(example = "1m20s")]
        box_min,
        /// Longest duration in the box, not included; without end if absent.
        #[param(example = "7m")]
        box_max,
    }
}

parameters! {
    /// All are optional, and empty means absent.
    TransferParameters {}
}

/// Two sides. Each has its time, version, region and queue; the others hold for both. What side B does not say itself is
/// as side A has it, so that one difference is enough.
#[derive(Deserialize, IntoParams, Default, Debug)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct CompareParameters {
    /// Side A, from: RFC 3339, or nanoseconds since 1970. A day before `a_to` if absent.
    #[param(example = "2026-11-13T09:00:00Z")]
    pub(super) a_from: Option<String>,
    /// Side A, to. Now if absent.
    pub(super) a_to: Option<String>,
    /// Only traces in which this `service.version` ran; all their spans are compared.
    #[param(example = "7.2")]
    pub(super) a_version: Option<String>,
    pub(super) a_region: Option<String>,
    pub(super) a_queue: Option<String>,
    /// Side B, from. As side A if absent.
    pub(super) b_from: Option<String>,
    pub(super) b_to: Option<String>,
    #[param(example = "7.3")]
    pub(super) b_version: Option<String>,
    pub(super) b_region: Option<String>,
    pub(super) b_queue: Option<String>,
    /// Only operations of this service, and no stages.
    pub(super) service: Option<String>,
    pub(super) channel: Option<String>,
    /// `week`: both sides a week before, of any version, are the control. Only what goes beyond its change counts.
    #[param(example = "week")]
    pub(super) control: Option<String>,
}

#[derive(Deserialize, IntoParams, Default, Debug)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PathParameters {
    /// `true`: until the last span ended, not only until the caller left.
    pub(super) whole: Option<String>,
}

#[derive(Deserialize, IntoParams, Default, Debug)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PercentileParameters {
    /// Spans to compare with began at this time or later; a day before the interaction if absent.
    pub(super) from: Option<String>,
    /// A day after the interaction began if absent.
    pub(super) to: Option<String>,
}
