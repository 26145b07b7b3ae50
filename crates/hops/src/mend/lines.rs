//! The table: product and problem, where the lines belong, the lines.

use super::Problem;
use crate::product::Product;

/// `{header}` stands for the header's name, `{variable}` for the name as NGINX spells it in variables.
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
    }
}

fn nginx(problem: Problem) -> Option<(&'static str, &'static str)> {
    Some(match problem {
        Problem::Lost => (
            "in the `location` that passes the request on; take away `proxy_set_header {header} \"\"` and `proxy_pass_request_headers off`",
            "proxy_pass_request_headers on;\nproxy_set_header {header} $http_{variable};",
        ),
        Problem::TooLong => ("in `http` or `server`", "large_client_header_buffers 4 96k;"),
        Problem::OwnContext => (
            "in the `location`; `propagate` writes NGINX's own span, so export its spans (`otel_exporter`) or let it pass on what came",
            "otel_trace_context ignore;",
        ),
        Problem::Doubled => (
            "in the `location`: one `proxy_set_header` for each name, on one level only",
            "proxy_set_header {header} $http_{variable};",
        ),
        Problem::Names => {
            ("in `http` or `server`", "underscores_in_headers on;\nignore_invalid_headers off;")
        }
        Problem::Upgrade => (
            "in the `location`",
            "proxy_http_version 1.1;\nproxy_set_header Upgrade $http_upgrade;\nproxy_set_header Connection \"upgrade\";",
        ),
        Problem::Grpc => {
            ("in a `location` of a `server` that listens with HTTP/2", "grpc_pass grpc://backend;")
        }
    })
}

fn haproxy(problem: Problem) -> Option<(&'static str, &'static str)> {
    Some(match problem {
        Problem::Lost => (
            "take these lines out of `frontend`, `backend` and `listen`; without them the header passes",
            "http-request del-header {header}\nhttp-request set-header {header} ...",
        ),
        Problem::TooLong => ("in `global`", "tune.bufsize 98304\ntune.maxrewrite 8192"),
        Problem::OwnContext => (
            "in `frontend`: write a context only where none came",
            "acl has_context req.hdr(traceparent) -m found\nhttp-request set-header traceparent %[var(txn.traceparent)] unless has_context",
        ),
        Problem::Doubled => (
            "in `frontend`, in place of `http-request add-header {header}`",
            "http-request set-header {header} %[var(txn.{variable})] unless { req.hdr({header}) -m found }",
        ),
        Problem::Grpc => (
            "in `backend`; `bind` needs `proto h2` or `alpn h2,http/1.1`",
            "server app 10.0.0.1:8080 proto h2",
        ),
        Problem::Names | Problem::Upgrade => return None,
    })
}

fn envoy(problem: Problem) -> Option<(&'static str, &'static str)> {
    Some(match problem {
        Problem::Lost => (
            "take these lines out of the route, the virtual host and the route configuration",
            "request_headers_to_remove: [\"{header}\"]",
        ),
        Problem::TooLong => (
            "in the HttpConnectionManager",
            "max_request_headers_kb: 96\ncommon_http_protocol_options: { max_headers_count: 200 }",
        ),
        Problem::OwnContext => (
            "in the HttpConnectionManager: export Envoy's spans to the same place as the others, or take the provider away",
            "tracing: { provider: null }",
        ),
        Problem::Doubled => (
            "in the route, at the header that is added",
            "request_headers_to_add:\n- header: { key: \"{header}\", value: \"...\" }\n  append_action: ADD_IF_ABSENT",
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
            "the load balancer itself passes `{header}`; CloudFront in front of it passes only what its policy names",
            "aws cloudfront create-origin-request-policy --origin-request-policy-config \\\n  '{\"Name\":\"trace-context\",\"HeadersConfig\":{\"HeaderBehavior\":\"allViewer\"},\"CookiesConfig\":{\"CookieBehavior\":\"all\"},\"QueryStringsConfig\":{\"QueryStringBehavior\":\"all\"}}'",
        ),
        Problem::Names => (
            "an attribute of the load balancer",
            "aws elbv2 modify-load-balancer-attributes --load-balancer-arn ARN \\\n  --attributes Key=routing.http.drop_invalid_header_fields.enabled,Value=false",
        ),
        Problem::TooLong => (
            "its limits are fixed (16 kB a line, 64 kB in all); shorten at the caller, whole members from the right",
            "tracestate: at most 512 characters",
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
            "take these lines out of the server, the virtual host, `Location` and `Directory`",
            "RequestHeader unset {header}\nRequestHeader set {header} ...",
        ),
        Problem::TooLong => {
            ("in the server or the virtual host", "LimitRequestFieldSize 98304\nLimitRequestLine 16384")
        }
        Problem::OwnContext => (
            "in the virtual host: write a context only where none came",
            "RequestHeader setifempty traceparent \"expr=...\"",
        ),
        Problem::Doubled => (
            "in place of `RequestHeader add {header}` or `append`",
            "RequestHeader setifempty {header} \"...\"",
        ),
        Problem::Upgrade => {
            ("in the virtual host (2.4.47 or later)", "ProxyPass \"/\" \"http://backend/\" upgrade=websocket")
        }
        Problem::Grpc => (
            "in the virtual host, with mod_proxy_http2",
            "Protocols h2 h2c http/1.1\nProxyPass \"/\" \"h2c://backend/\"",
        ),
        Problem::Names => return None,
    })
}

fn traefik(problem: Problem) -> Option<(&'static str, &'static str)> {
    Some(match problem {
        Problem::Lost => (
            "take this out of the middleware; an empty value removes the header",
            "headers:\n  customRequestHeaders:\n    {header}: \"\"",
        ),
        Problem::OwnContext => (
            "in the static configuration: export Traefik's spans to the same place as the others, or take `tracing` away",
            "tracing:\n  otlp:\n    http:\n      endpoint: http://collector:4318/v1/traces",
        ),
        Problem::Doubled => {
            ("take this out of the middleware", "headers:\n  customRequestHeaders:\n    {header}: ...")
        }
        Problem::Grpc => ("in the service", "loadBalancer:\n  servers:\n  - url: h2c://backend:50051"),
        Problem::TooLong => (
            "in the static configuration (from 3.4 on)",
            "entryPoints:\n  web:\n    http:\n      maxHeaderBytes: 1048576",
        ),
        Problem::Names | Problem::Upgrade => return None,
    })
}

fn caddy(problem: Problem) -> Option<(&'static str, &'static str)> {
    Some(match problem {
        Problem::Lost => (
            "take these lines out of `reverse_proxy` and of `request_header`",
            "header_up -{header}\nrequest_header -{header}",
        ),
        Problem::OwnContext => (
            "in the site: export Caddy's spans to the same place as the others, or take this away",
            "tracing",
        ),
        Problem::Doubled => {
            ("in `reverse_proxy`, in place of `header_up +{header}`", "header_up ?{header} ...")
        }
        Problem::TooLong => ("in the global options", "servers {\n\tmax_header_size 1MB\n}"),
        Problem::Grpc => ("in the site", "reverse_proxy h2c://backend"),
        Problem::Names | Problem::Upgrade => return None,
    })
}

fn varnish(problem: Problem) -> Option<(&'static str, &'static str)> {
    Some(match problem {
        Problem::Lost => (
            "take these lines out of `vcl_recv` and `vcl_backend_fetch`",
            "unset req.http.{header};\nunset bereq.http.{header};",
        ),
        Problem::TooLong => (
            "parameters of varnishd",
            "varnishd ... -p http_req_hdr_len=96k -p http_req_size=128k -p workspace_client=512k -p workspace_backend=512k",
        ),
        Problem::OwnContext | Problem::Doubled => (
            "in `vcl_recv`: write a context only where none came",
            "if (!req.http.{header}) { set req.http.{header} = ...; }",
        ),
        Problem::Upgrade => (
            "in the VCL",
            "sub vcl_recv { if (req.http.upgrade ~ \"(?i)websocket\") { return (pipe); } }\nsub vcl_pipe { if (req.http.upgrade) { set bereq.http.upgrade = req.http.upgrade; set bereq.http.connection = req.http.connection; } }",
        ),
        Problem::Names | Problem::Grpc => return None,
    })
}
