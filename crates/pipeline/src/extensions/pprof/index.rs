//! What there is to ask for.

pub(super) const INDEX: &str = "\
/debug/pprof/profile?seconds=30   CPU profile of 1 to 120 seconds (pprof protobuf, gzip)
/debug/pprof/heap                 memory of this process, as text

go tool pprof http://ADDRESS/debug/pprof/profile?seconds=30
";

pub(super) const NOT_FOUND: &str =
    "there are /debug/pprof/profile and /debug/pprof/heap; the others of the collector are of Go's runtime\n";
