//! The table: product and problem, where the lines belong, the lines. Those that begin with `- ` are to be taken out.

mod sip;

use super::Problem;
use crate::product::Product;

/// `{header}` stands for the header's name.
pub(super) fn of(product: Product, problem: Problem) -> Option<(&'static str, &'static str)> {
    match product {
        Product::Nginx => nginx(problem),
        Product::HaProxy => haproxy(problem),
        Product::Envoy => envoy(problem),
        Product::AwsAlb => aws(problem),
        Product::Apache => apache(problem),
        Product::Traefik => traefik(problem),
        Product::Caddy => caddy(problem),
        Product::Varnish => varnish(problem),
        Product::Kamailio
        | Product::OpenSips
        | Product::FreeSwitch
        | Product::Asterisk
        | Product::AudioCodes
        | Product::Oracle
        | Product::Ribbon
        | Product::Cube
        | Product::Throughline => sip::of(product, problem),
    }
}

fn nginx(problem: Problem) -> Option<(&'static str, &'static str)> {
    Some(match problem {
        Problem::Lost => (
            "in `http`, `server` and the `location` that passes the request on: what came passes without them",
            "- proxy_pass_request_headers off;\n- proxy_set_header {header} ...;",
        ),
        Problem::TooLong => (
            "in `http`: of a `server`, only the default one of the port counts",
            "large_client_header_buffers 4 96k;",
        ),
        Problem::OwnContext => (
            "in the `location`; with `propagate`, export NGINX's spans too (`otel_exporter`)",
            "- proxy_set_header {header} ...;\n- otel_trace_context inject;",
        ),
        Problem::Doubled => {
            ("in the `location`: what came passes without it", "- proxy_set_header {header} ...;")
        }
        Problem::Names => (
            "in `http`: of a `server`, only the default one of the port counts",
            "underscores_in_headers on;\nignore_invalid_headers off;",
        ),
        Problem::Upgrade => (
            "in the `location` of the WebSocket",
            "proxy_http_version 1.1;\nproxy_set_header Upgrade $http_upgrade;\nproxy_set_header Connection \"upgrade\";",
        ),
        Problem::Grpc => {
            ("in the `location` of the gRPC services", "- proxy_pass ...;\ngrpc_pass grpc://BACKEND;")
        }
    })
}

fn haproxy(problem: Problem) -> Option<(&'static str, &'static str)> {
    Some(match problem {
        Problem::Lost => (
            "in `frontend`, `backend` and `listen`: what came passes without them",
            "- http-request del-header {header}\n- http-request set-header {header} ...",
        ),
        Problem::TooLong => ("in `global`", "tune.bufsize 98304\ntune.maxrewrite 8192"),
        Problem::OwnContext => (
            "in `frontend` and `backend`; to write one where none came, add `unless { req.hdr(traceparent) -m found }`",
            "- http-request set-header {header} ...\n- http-request replace-header {header} ...",
        ),
        Problem::Doubled => (
            "in `frontend`: write a context only where none came",
            "- http-request add-header {header} ...\nhttp-request set-header {header} ... unless { req.hdr({header}) -m found }",
        ),
        Problem::Grpc => (
            "at the end of `frontend`: gRPC goes on over HTTP/2, to a backend of its own",
            "use_backend grpc if { req.hdr(content-type) -m beg application/grpc }\nbackend grpc\n  server grpc BACKEND proto h2",
        ),
        Problem::Names | Problem::Upgrade => return None,
    })
}

fn envoy(problem: Problem) -> Option<(&'static str, &'static str)> {
    Some(match problem {
        Problem::Lost => (
            "in the route, the virtual host and the route configuration",
            "- request_headers_to_remove: [\"{header}\"]",
        ),
        Problem::TooLong => (
            "in the HttpConnectionManager",
            "max_request_headers_kb: 96\ncommon_http_protocol_options: { max_headers_count: 200 }",
        ),
        Problem::OwnContext => (
            "in the HttpConnectionManager; or leave it and export Envoy's spans to where the others go",
            "- tracing: { provider: ... }",
        ),
        Problem::Doubled => (
            "in the route, at the header that is added",
            "request_headers_to_add:\n  - header: { key: \"{header}\", value: \"...\" }\n    append_action: ADD_IF_ABSENT",
        ),
        Problem::Names => (
            "in the HttpConnectionManager",
            "common_http_protocol_options: { headers_with_underscores_action: ALLOW }",
        ),
        Problem::Upgrade => {
            ("in the HttpConnectionManager", "upgrade_configs: [{ upgrade_type: websocket }]")
        }
        Problem::Grpc => (
            "in the cluster",
            "typed_extension_protocol_options:\n  envoy.extensions.upstreams.http.v3.HttpProtocolOptions:\n    \"@type\": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions\n    explicit_http_config: { http2_protocol_options: {} }",
        ),
    })
}

fn aws(problem: Problem) -> Option<(&'static str, &'static str)> {
    Some(match problem {
        Problem::Lost => (
            "not at the load balancer, which passes it: CloudFront in front of it passes only what its policy names",
            "aws cloudfront create-origin-request-policy --origin-request-policy-config \\\n  '{\"Name\":\"trace-context\",\"HeadersConfig\":{\"HeaderBehavior\":\"allViewer\"},\"CookiesConfig\":{\"CookieBehavior\":\"all\"},\"QueryStringsConfig\":{\"QueryStringBehavior\":\"all\"}}'",
        ),
        Problem::Names => (
            "an attribute of the load balancer",
            "aws elbv2 modify-load-balancer-attributes --load-balancer-arn ARN \\\n  --attributes Key=routing.http.drop_invalid_header_fields.enabled,Value=false",
        ),
        Problem::TooLong => (
            "its limits are fixed (16 kB for one line, 64 kB in all): shorten `tracestate` at the caller, whole members from the right",
            "",
        ),
        Problem::Grpc => (
            "the target group",
            "aws elbv2 create-target-group --protocol HTTP --protocol-version GRPC --name app --port 50051 --vpc-id VPC",
        ),
        Problem::OwnContext | Problem::Doubled | Problem::Upgrade => return None,
    })
}

fn apache(problem: Problem) -> Option<(&'static str, &'static str)> {
    Some(match problem {
        Problem::Lost => (
            "in the server, the virtual host, `Location` and `Directory`: what came passes without them",
            "- RequestHeader unset {header}\n- RequestHeader set {header} ...",
        ),
        Problem::TooLong => {
            ("in the server or the virtual host", "LimitRequestFieldSize 98304\nLimitRequestLine 16384")
        }
        Problem::OwnContext => (
            "in the virtual host; to write one where none came, `setifempty` takes the place of `set`",
            "- RequestHeader set {header} ...\n- RequestHeader edit {header} ...",
        ),
        Problem::Doubled => (
            "in the virtual host: write a context only where none came",
            "- RequestHeader add {header} ...\nRequestHeader setifempty {header} ...",
        ),
        Problem::Upgrade => (
            "in the virtual host (2.4.47 or later)",
            "- ProxyPass \"/\" ...\nProxyPass \"/\" \"http://BACKEND/\" upgrade=websocket",
        ),
        Problem::Grpc => (
            "in the virtual host, with mod_proxy_http2",
            "- ProxyPass \"/\" ...\nProxyPass \"/\" \"h2c://BACKEND/\"",
        ),
        Problem::Names => return None,
    })
}

fn traefik(problem: Problem) -> Option<(&'static str, &'static str)> {
    Some(match problem {
        Problem::Lost => (
            "in the middleware `headers`, `customRequestHeaders`: an empty value removes the header",
            "- {header}: \"\"",
        ),
        Problem::OwnContext => (
            "in the static configuration; or leave it and export Traefik's spans to where the others go",
            "- tracing: ...",
        ),
        Problem::Doubled => ("in the middleware `headers`, `customRequestHeaders`", "- {header}: ..."),
        Problem::Grpc => ("in the service", "loadBalancer:\n  servers:\n    - url: h2c://BACKEND"),
        Problem::TooLong => (
            "in the static configuration, where it was lowered",
            "entryPoints:\n  web:\n    http:\n      maxHeaderBytes: 1048576",
        ),
        Problem::Names | Problem::Upgrade => return None,
    })
}

fn caddy(problem: Problem) -> Option<(&'static str, &'static str)> {
    Some(match problem {
        Problem::Lost => (
            "in `reverse_proxy` and in the site: what came passes without them",
            "- header_up -{header}\n- request_header -{header}",
        ),
        Problem::OwnContext => (
            "in the site; without `tracing` taken out, export Caddy's spans to where the others go",
            "- header_up {header} ...\n- tracing",
        ),
        Problem::Doubled => ("in `reverse_proxy`: what came passes without it", "- header_up +{header} ..."),
        Problem::TooLong => {
            ("in the global options, where it was lowered", "servers {\n\tmax_header_size 1MB\n}")
        }
        Problem::Grpc => (
            "in the site: gRPC goes on over HTTP/2",
            "@grpc header Content-Type application/grpc*\nreverse_proxy @grpc h2c://BACKEND",
        ),
        Problem::Names | Problem::Upgrade => return None,
    })
}

fn varnish(problem: Problem) -> Option<(&'static str, &'static str)> {
    Some(match problem {
        Problem::Lost => (
            "in `vcl_recv` and `vcl_backend_fetch`: what came passes without them",
            "- unset req.http.{header};\n- unset bereq.http.{header};",
        ),
        Problem::TooLong => (
            "at the command line of varnishd",
            "-p http_req_hdr_len=96k -p http_req_size=128k\n-p workspace_client=512k -p workspace_backend=512k",
        ),
        Problem::OwnContext | Problem::Doubled => (
            "in `vcl_recv`: write a context only where none came",
            "- set req.http.{header} = ...;\nif (!req.http.{header}) { set req.http.{header} = ...; }",
        ),
        Problem::Upgrade => (
            "before the VCL's own `sub vcl_recv`",
            "sub vcl_recv { if (req.http.upgrade ~ \"(?i)websocket\") { return (pipe); } }\nsub vcl_pipe { if (req.http.upgrade) { set bereq.http.upgrade = req.http.upgrade; set bereq.http.connection = req.http.connection; } }",
        ),
        Problem::Names | Problem::Grpc => return None,
    })
}
