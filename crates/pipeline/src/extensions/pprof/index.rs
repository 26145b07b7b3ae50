//! What there is to ask for.

pub(super) const INDEX: &str = "\
/debug/pprof/profile?seconds=30   CPU profile of 1 to 120 seconds (pprof protobuf, gzip)
/debug/pprof/heap                 memory in use by who asked for it (pprof protobuf, gzip), where the binary has `heap-profile`
/debug/pprof/heap?debug=1         memory of this process, as text; other binaries answer this without `debug=1`, too

go tool pprof http://ADDRESS/debug/pprof/profile?seconds=30
";

pub(super) const NOT_FOUND: &str =
    "there are /debug/pprof/profile and /debug/pprof/heap; the others of the collector are of Go's runtime\n";
