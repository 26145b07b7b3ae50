//! Wrong structure: sections, ids, pipelines, references.

use expect_test::expect;

use super::{alone, over_good};

#[test]
fn nothing_there() {
    alone(
        "",
        expect![[r#"
            c.yaml:1:1: error: the configuration is empty
              help: it needs receivers, exporters and a service with a pipeline
            1 error, 0 pieces of advice
        "#]],
    );
    alone(
        "# only a comment\n",
        expect![[r#"
            c.yaml:1:1: error: the configuration is empty
              help: it needs receivers, exporters and a service with a pipeline
            1 error, 0 pieces of advice
        "#]],
    );
    alone(
        "receivers:\nexporters:\nservice:\n",
        expect![[r#"
            c.yaml:1:1: error: receivers: no receivers are configured
            c.yaml:2:1: error: exporters: no exporters are configured
            c.yaml:3:1: error: service: there must be at least one pipeline
            3 errors, 0 pieces of advice
        "#]],
    );
    alone(
        "service: {pipelines: }\n",
        expect![[r#"
            c.yaml:1:1: error: no exporters are configured
            c.yaml:1:1: error: no receivers are configured
            c.yaml:1:11: error: service::pipelines: there must be at least one pipeline
            3 errors, 0 pieces of advice
        "#]],
    );
}

#[test]
fn not_a_configuration() {
    alone(
        "just text\n",
        expect![[r#"
            c.yaml:1:1: error: a configuration is a block of keys, found the text `just text`
            1 error, 0 pieces of advice
        "#]],
    );
    alone(
        "- a\n- b\n",
        expect![[r#"
            c.yaml:1:1: error: a configuration is a block of keys, found a list
            1 error, 0 pieces of advice
        "#]],
    );
    alone(
        "receivers: [otlp\n",
        expect![[r#"
            c.yaml:2:1: error: not YAML: while parsing a flow sequence, expected ',' or ']'
            1 error, 0 pieces of advice
        "#]],
    );
    alone(
        "receivers:\n\totlp:\n",
        expect![[r#"
            c.yaml:2:2: error: not YAML: tabs disallowed within this context (block indentation)
            1 error, 0 pieces of advice
        "#]],
    );
    alone(
        "receivers: {otlp: }\nreceivers: {otlp: }\n",
        expect![[r#"
            c.yaml:2:1: error: `receivers` stands here a second time; the first is at c.yaml:1:1
              help: join the two blocks, or rename one
            1 error, 0 pieces of advice
        "#]],
    );
}

#[test]
fn sections() {
    over_good(
        "reciever: {otlp: }\n",
        expect![[r#"
            c.yaml:1:1: error: reciever: unknown key
              help: did you mean `receivers`?
            1 error, 0 pieces of advice
        "#]],
    );
    over_good(
        "general: {}\n",
        expect![[r#"
            c.yaml:1:1: error: general: unknown key
              help: the keys here are receivers, processors, exporters, connectors, extensions, service
            1 error, 0 pieces of advice
        "#]],
    );
    over_good(
        "processors: [batch]\n",
        expect![[r#"
            c.yaml:1:13: error: processors: expected a block of processors, found a list
            good.yaml:7:46: error: service::pipelines::traces::processors::0: pipeline `traces` names processor `memory_limiter`, which is not configured
              help: add it to `processors`, or take it out here
            2 errors, 0 pieces of advice
        "#]],
    );
    over_good(
        "exporters:\n",
        expect![[r#"
            c.yaml:1:1: error: exporters: no exporters are configured
            good.yaml:7:75: error: service::pipelines::traces::exporters::0: pipeline `traces` names exporter `debug`, which is not configured
              help: add it to `exporters`, or take it out here
            2 errors, 0 pieces of advice
        "#]],
    );
    over_good(
        "service: text\n",
        expect![[r#"
            c.yaml:1:10: error: service: expected a block of keys, found the text `text`
            1 error, 0 pieces of advice
        "#]],
    );
    over_good(
        "service: {pipeline: }\n",
        expect![[r#"
            c.yaml:1:11: error: service::pipeline: unknown key
              help: did you mean `pipelines`?
            1 error, 0 pieces of advice
        "#]],
    );
}

#[test]
fn components() {
    over_good(
        "exporters: {otlphtp: }\n",
        expect![[r#"
            c.yaml:1:13: error: exporters::otlphtp: unknown exporter `otlphtp`
              help: did you mean `otlphttp`? the exporters are debug, lake, otlp_grpc, otlp_http, prometheus
            1 error, 0 pieces of advice
        "#]],
    );
    over_good(
        "processors: {tail_samplig: }\n",
        expect![[r#"
            c.yaml:1:14: error: processors::tail_samplig: unknown processor `tail_samplig`
              help: did you mean `tail_sampling`? the processors are attributes, batch, cardinality, filter, groupbytrace, memory_limiter, probabilistic_sampler, redaction, span, tail_sampling, transform
            1 error, 0 pieces of advice
        "#]],
    );
    over_good(
        "receivers: {kafka: }\n",
        expect![[r#"
            c.yaml:1:13: error: receivers::kafka: unknown receiver `kafka`
              help: the receivers are otlp
            1 error, 0 pieces of advice
        "#]],
    );
    over_good(
        "connectors: {routing: }\nservice: {pipelines: {traces: {exporters: [routing]}}}\n",
        expect![[r#"
            c.yaml:1:14: error: connectors::routing: unknown connector `routing`
              help: the connectors are forward, servicegraph, spanmetrics
            good.yaml:4:13: advice: exporters::debug: configured, but no pipeline names it
              help: add `debug` to a pipeline, or take it out here
            1 error, 1 piece of advice
        "#]],
    );
    over_good(
        "receivers: {'otlp/': , 'otlp/a b': , ot-lp: }\n",
        expect![[r#"
            c.yaml:1:13: error: receivers::otlp/: `otlp/` is not an id: the name behind `/` is missing
            c.yaml:1:24: error: receivers::otlp/a b: `otlp/a b` is not an id: the name holds a space or a control character
            c.yaml:1:38: error: receivers::ot-lp: `ot-lp` is not an id: the type must be letters, digits and _, and begin with a letter
            3 errors, 0 pieces of advice
        "#]],
    );
    over_good(
        "processors: {batch: , memory_limiter/2: {check_interval: 1s}}\n",
        expect![[r#"
            c.yaml:1:14: advice: processors::batch: configured, but no pipeline names it
              help: add `batch` to a pipeline, or take it out here
            c.yaml:1:23: advice: processors::memory_limiter/2: configured, but no pipeline names it
              help: add `memory_limiter/2` to a pipeline, or take it out here
            0 errors, 2 pieces of advice
        "#]],
    );
}

#[test]
fn pipelines() {
    over_good(
        "service: {pipelines: {trace: {receivers: [otlp], exporters: [debug]}}}\n",
        expect![[r#"
            c.yaml:1:23: error: service::pipelines::trace: there are no pipelines for `trace`
              help: did you mean `traces`?
            1 error, 0 pieces of advice
        "#]],
    );
    over_good(
        "service: {pipelines: {profiles: {receivers: [otlp], exporters: [debug]}}}\n",
        expect![[r#"
            c.yaml:1:23: error: service::pipelines::profiles: there are no pipelines for `profiles`
              help: the name of a pipeline begins with traces, metrics or logs
            1 error, 0 pieces of advice
        "#]],
    );
    over_good(
        "service: {pipelines: {traces/: {receivers: [otlp], exporters: [debug]}}}\n",
        expect![[r#"
            c.yaml:1:23: error: service::pipelines::traces/: `traces/` is not a name of a pipeline: the name behind `/` is missing
            1 error, 0 pieces of advice
        "#]],
    );
    over_good(
        "service: {pipelines: {traces: {receivers: , exporters: []}}}\n",
        expect![[r#"
            c.yaml:1:32: error: service::pipelines::traces::receivers: pipeline `traces` has no receivers
            c.yaml:1:56: error: service::pipelines::traces::exporters: pipeline `traces` has no exporters
            good.yaml:2:13: advice: receivers::otlp: configured, but no pipeline names it
              help: add `otlp` to a pipeline, or take it out here
            good.yaml:4:13: advice: exporters::debug: configured, but no pipeline names it
              help: add `debug` to a pipeline, or take it out here
            2 errors, 2 pieces of advice
        "#]],
    );
    over_good(
        "service: {pipelines: {traces: {recievers: [otlp]}}}\n",
        expect![[r#"
            c.yaml:1:32: error: service::pipelines::traces::recievers: unknown key
              help: did you mean `receivers`?
            1 error, 0 pieces of advice
        "#]],
    );
    over_good(
        "service: {pipelines: {traces: [otlp]}}\n",
        expect![[r#"
            c.yaml:1:31: error: service::pipelines::traces: expected a block of keys, found a list
            1 error, 0 pieces of advice
        "#]],
    );
    over_good(
        "service: {pipelines: {traces: }}\n",
        expect![[r#"
            c.yaml:1:23: error: service::pipelines::traces: pipeline `traces` has no exporters
            c.yaml:1:23: error: service::pipelines::traces: pipeline `traces` has no receivers
            c.yaml:1:23: advice: service::pipelines::traces: no `memory_limiter` guards this pipeline against a surge of calls
              help: make it the first of the processors
            good.yaml:2:13: advice: receivers::otlp: configured, but no pipeline names it
              help: add `otlp` to a pipeline, or take it out here
            good.yaml:3:14: advice: processors::memory_limiter: configured, but no pipeline names it
              help: add `memory_limiter` to a pipeline, or take it out here
            good.yaml:4:13: advice: exporters::debug: configured, but no pipeline names it
              help: add `debug` to a pipeline, or take it out here
            2 errors, 4 pieces of advice
        "#]],
    );
}

#[test]
fn references() {
    over_good(
        "exporters: {otlphttp/b: }\nservice: {pipelines: {traces: {exporters: [debug, otlp_http/b]}}}\n",
        expect![[r#"
            c.yaml:1:13: advice: exporters::otlphttp/b: configured, but no pipeline names it
              help: add `otlphttp/b` to a pipeline, or take it out here
            c.yaml:2:51: error: service::pipelines::traces::exporters::1: pipeline `traces` names exporter `otlp_http/b`, which is not configured
              help: did you mean `otlphttp/b`?
            1 error, 1 piece of advice
        "#]],
    );
    over_good(
        "service: {pipelines: {traces: {exporters: [debgu, otlp]}}}\n",
        expect![[r#"
            c.yaml:1:44: error: service::pipelines::traces::exporters::0: pipeline `traces` names exporter `debgu`, which is not configured
              help: did you mean `debug`?
            c.yaml:1:51: error: service::pipelines::traces::exporters::1: pipeline `traces` names exporter `otlp`, which is not configured
              help: add it to `exporters`, or take it out here
            good.yaml:4:13: advice: exporters::debug: configured, but no pipeline names it
              help: add `debug` to a pipeline, or take it out here
            2 errors, 1 piece of advice
        "#]],
    );
    over_good(
        "service: {pipelines: {traces: {processors: [memory_limiter, batch]}}}\n",
        expect![[r#"
            c.yaml:1:61: error: service::pipelines::traces::processors::1: pipeline `traces` names processor `batch`, which is not configured
              help: add it to `processors`, or take it out here
            1 error, 0 pieces of advice
        "#]],
    );
    over_good(
        "service: {pipelines: {traces: {processors: [memory_limiter, memory_limiter]}}}\n",
        expect![[r#"
            c.yaml:1:61: error: service::pipelines::traces::processors::1: pipeline `traces` names processor `memory_limiter` a second time
            1 error, 0 pieces of advice
        "#]],
    );
    over_good(
        "service: {pipelines: {traces: {receivers: [otlp, otlp], exporters: [debug, {a: b}, ~]}}}\n",
        expect![[r#"
            c.yaml:1:50: advice: service::pipelines::traces::receivers::1: pipeline `traces` names `otlp` a second time; once is enough
            c.yaml:1:76: error: service::pipelines::traces::exporters::1: expected an id, found a block of keys
            c.yaml:1:84: error: service::pipelines::traces::exporters::2: expected an id, found nothing
            2 errors, 1 piece of advice
        "#]],
    );
    over_good(
        "service: {extensions: [health_chek, view, view]}\nextensions: {health_check: , view: }\n",
        expect![[r#"
            c.yaml:1:24: error: service::extensions::0: the service names extension `health_chek`, which is not configured
              help: did you mean `health_check`?
            c.yaml:1:43: advice: service::extensions::2: the service names `view` a second time; once is enough
            c.yaml:2:14: advice: extensions::health_check: configured, but `service::extensions` does not name it
              help: add `health_check` to that list, or take it out here
            1 error, 2 pieces of advice
        "#]],
    );
    over_good(
        "receivers: {otlp: {protocols: {http: {auth: {authenticator: bearer}}}}}\n",
        expect![[r#"
            c.yaml:1:61: error: receivers::otlp::protocols::http::auth::authenticator: there is no extension `bearer`
              help: add it to `extensions` and to `service::extensions`
            1 error, 0 pieces of advice
        "#]],
    );
    over_good(
        "exporters: {otlp: {sending_queue: {storage: bearertokenauth}}}\nextensions: {bearertokenauth: }\n",
        expect![[r#"
            c.yaml:1:13: advice: exporters::otlp: configured, but no pipeline names it
              help: add `otlp` to a pipeline, or take it out here
            c.yaml:1:45: error: exporters::otlp::sending_queue::storage: `bearertokenauth` is not an extension that stores
              help: name one of the type file_storage
            c.yaml:2:14: advice: extensions::bearertokenauth: configured, but `service::extensions` does not name it
              help: add `bearertokenauth` to that list, or take it out here
            1 error, 2 pieces of advice
        "#]],
    );
    over_good(
        "exporters: {otlp: {sending_queue: {storage: file_storage}}}\nextensions: {file_storage: }\n",
        expect![[r#"
            c.yaml:1:13: advice: exporters::otlp: configured, but no pipeline names it
              help: add `otlp` to a pipeline, or take it out here
            c.yaml:1:45: error: exporters::otlp::sending_queue::storage: `service::extensions` does not name `file_storage`
              help: add `file_storage` to that list: only what it names is started
            c.yaml:2:14: advice: extensions::file_storage: configured, but `service::extensions` does not name it
              help: add `file_storage` to that list, or take it out here
            1 error, 2 pieces of advice
        "#]],
    );
    over_good(
        "extensions: {journal/a: {directory: a}, journal/b: {directory: b}}\nservice: {extensions: [journal/a, journal/b]}\n",
        expect![[r#"
            c.yaml:2:35: error: service::extensions::1: `journal/b` is a second journal
              help: `journal/a` covers all pipelines; take this one out
            1 error, 0 pieces of advice
        "#]],
    );
}

#[test]
fn signals() {
    over_good(
        "processors: {attributes: {actions: [{key: a, action: delete}]}}\n\
         service: {pipelines: {metrics/host: {receivers: [otlp], processors: [memory_limiter, attributes], exporters: [debug]}}}\n",
        expect![[r#"
            c.yaml:2:86: error: service::pipelines::metrics/host::processors::1: pipeline `metrics/host` carries metrics, which `attributes` does not work on
              help: `attributes` works on traces; take it out of this pipeline
            1 error, 0 pieces of advice
        "#]],
    );
    over_good(
        "exporters: {lake: {directory: data}}\n\
         service: {pipelines: {logs: {receivers: [otlp], processors: [memory_limiter], exporters: [lake]}}}\n",
        expect![[r#"
            c.yaml:2:91: error: service::pipelines::logs::exporters::0: pipeline `logs` carries logs, which `lake` does not work on
              help: `lake` works on traces; take it out of this pipeline
            1 error, 0 pieces of advice
        "#]],
    );
}

/// `filter` and `transform` let other signals pass, but not where they are told to do something with them.
#[test]
fn signals_that_a_processor_is_told_of() {
    over_good(
        "processors:\n\
         \x20 filter: {traces: {span: ['name == \"x\"']}}\n\
         \x20 transform: {log_statements: ['set(log.body, \"x\")'], trace_statements: ['set(span.name, \"x\")']}\n\
         service:\n\
         \x20 pipelines:\n\
         \x20   traces: {receivers: [otlp], processors: [memory_limiter, filter, transform], exporters: [debug]}\n\
         \x20   metrics/host: {receivers: [otlp], processors: [memory_limiter, filter, transform], exporters: [debug]}\n\
         \x20   logs: {receivers: [otlp], processors: [memory_limiter, filter, transform], exporters: [debug]}\n",
        expect![[r#"
            c.yaml:3:31: advice: processors::transform::log_statements: this has no effect: `transform` works on traces
              help: remove it
            c.yaml:8:68: error: service::pipelines::logs::processors::2: pipeline `logs` carries logs, and `transform` cannot do what `log_statements` says: it works on traces
              help: take `transform` out of this pipeline, or remove `log_statements`: without it logs pass as they are
            1 error, 1 piece of advice
        "#]],
    );
}

#[test]
fn lists_may_be_texts() {
    over_good(
        "service: {pipelines: {traces: {receivers: otlp, exporters: 'debug, debug'}}}\n",
        expect![[r#"
            c.yaml:1:60: advice: service::pipelines::traces::exporters: pipeline `traces` names `debug` a second time; once is enough
            0 errors, 1 piece of advice
        "#]],
    );
}
