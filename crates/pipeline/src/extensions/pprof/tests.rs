use expect_test::expect;
use flow::config::Node;

use super::*;

#[test]
fn what_has_no_effect_is_told() {
    let found = |yaml: &str| -> Vec<String> {
        let findings = check(&Node::load("c.yaml", yaml).unwrap());
        let own = findings.iter().filter(|finding| !finding.to_string().contains("built without"));
        own.map(ToString::to_string).collect()
    };
    assert_eq!(found("endpoint: localhost:1777"), Vec::<String>::new());
    assert_eq!(found("{block_profile_fraction: 0, mutex_profile_fraction: -1}"), Vec::<String>::new());
    expect![[r#"
        c.yaml:1:26: advice: block_profile_fraction: this is a part of Go's runtime; it has no effect
          help: take it out, and ask /debug/pprof/profile for a CPU profile
        c.yaml:1:53: advice: mutex_profile_fraction: this is a part of Go's runtime; it has no effect
          help: take it out, and ask /debug/pprof/profile for a CPU profile
        c.yaml:1:70: advice: save_to_file: profiles are taken on request alone; it has no effect
          help: take it out, and ask /debug/pprof/profile for a CPU profile"#]]
    .assert_eq(
        &found("{block_profile_fraction: 3, mutex_profile_fraction: 5, save_to_file: /cpu}").join("\n"),
    );
    assert!(found("endpoint: '1777'")[0].contains("is not an address and a port"));
    assert!(found("endpoind: localhost:1777")[0].contains("endpoind"));
}

#[cfg(feature = "profile")]
mod format {
    use prost::Message;

    use super::super::proto::{Profile, Stack, Symbol};
    use super::*;

    /// `profile.proto`, as far as it is written.
    #[derive(Message)]
    struct Read {
        #[prost(message, repeated, tag = "1")]
        sample_type: Vec<ValueType>,
        #[prost(message, repeated, tag = "2")]
        sample: Vec<Sample>,
        #[prost(message, repeated, tag = "4")]
        location: Vec<Location>,
        #[prost(message, repeated, tag = "5")]
        function: Vec<Function>,
        #[prost(string, repeated, tag = "6")]
        strings: Vec<String>,
        #[prost(int64, tag = "9")]
        time_nanos: i64,
        #[prost(int64, tag = "10")]
        duration_nanos: i64,
        #[prost(message, optional, tag = "11")]
        period_type: Option<ValueType>,
        #[prost(int64, tag = "12")]
        period: i64,
    }

    #[derive(Clone, Message)]
    struct ValueType {
        #[prost(int64, tag = "1")]
        kind: i64,
        #[prost(int64, tag = "2")]
        unit: i64,
    }

    #[derive(Message)]
    struct Sample {
        #[prost(uint64, repeated, tag = "1")]
        location: Vec<u64>,
        #[prost(int64, repeated, tag = "2")]
        value: Vec<i64>,
        #[prost(message, repeated, tag = "3")]
        label: Vec<Label>,
    }

    #[derive(Message)]
    struct Label {
        #[prost(int64, tag = "1")]
        key: i64,
        #[prost(int64, tag = "2")]
        text: i64,
    }

    #[derive(Message)]
    struct Location {
        #[prost(uint64, tag = "1")]
        id: u64,
        #[prost(message, repeated, tag = "4")]
        line: Vec<Line>,
    }

    #[derive(Clone, Message)]
    struct Line {
        #[prost(uint64, tag = "1")]
        function: u64,
        #[prost(int64, tag = "2")]
        line: i64,
    }

    #[derive(Message)]
    struct Function {
        #[prost(uint64, tag = "1")]
        id: u64,
        #[prost(int64, tag = "2")]
        name: i64,
        #[prost(int64, tag = "4")]
        file: i64,
    }

    impl Read {
        fn text(&self, index: i64) -> &str {
            &self.strings[usize::try_from(index).unwrap()]
        }

        /// A sample as `thread: inner[:line]+inlined < outer = count, nanoseconds`.
        fn line(&self, sample: &Sample) -> String {
            let frames: Vec<_> = sample.location.iter().map(|id| self.frame(*id)).collect();
            let [label] = &sample.label[..] else { panic!("one label") };
            assert_eq!(self.text(label.key), "thread");
            format!("{}: {} = {:?}", self.text(label.text), frames.join(" < "), sample.value)
        }

        fn frame(&self, id: u64) -> String {
            let location = self.location.iter().find(|location| location.id == id).unwrap();
            let symbols = location.line.iter().map(|line| {
                let function = self.function.iter().find(|function| function.id == line.function).unwrap();
                format!("{}({}:{})", self.text(function.name), self.text(function.file), line.line)
            });
            symbols.collect::<Vec<_>>().join("+")
        }
    }

    fn symbol(name: &str, line: u32) -> Symbol {
        (name.to_owned(), "a.rs".to_owned(), line)
    }

    #[test]
    fn a_profile_reads_as_it_was_written() {
        let mut profile = Profile::new(100);
        let outer = || vec![symbol("main", 9)];
        let stack = |thread: &str, inner: Vec<Symbol>, count| Stack {
            thread: thread.to_owned(),
            frames: vec![inner, outer()],
            count,
        };
        profile.add(stack("worker", vec![symbol("hash", 3), symbol("insert", 40)], 7));
        profile.add(stack("worker", vec![symbol("insert", 41)], 1));
        profile.add(stack("", Vec::new(), 2));
        let bytes = profile.encode(Duration::from_millis(1500));
        let read = Read::decode(&bytes[..]).unwrap();
        let lines: Vec<_> = read.sample.iter().map(|sample| read.line(sample)).collect();
        assert_eq!(
            lines,
            [
                "worker: hash(a.rs:3)+insert(a.rs:40) < main(a.rs:9) = [7, 70000000]",
                "worker: insert(a.rs:41) < main(a.rs:9) = [1, 10000000]",
                ":  < main(a.rs:9) = [2, 20000000]",
            ]
        );
        let kind = |of: &ValueType| format!("{}/{}", read.text(of.kind), read.text(of.unit));
        let kinds: Vec<_> = read.sample_type.iter().map(kind).collect();
        assert_eq!(kinds, ["samples/count", "cpu/nanoseconds"]);
        assert_eq!(kind(&read.period_type.clone().unwrap()), "cpu/nanoseconds");
        assert_eq!((read.period, read.duration_nanos), (10_000_000, 1_500_000_000));
        assert!(read.time_nanos > 1_600_000_000_000_000_000, "{}", read.time_nanos);
        assert_eq!(read.strings[0], "");
        assert_eq!((read.function.len(), read.location.len()), (3, 4), "each stands there once");
    }
}
