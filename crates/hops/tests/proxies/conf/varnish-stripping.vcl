# Takes the context away.
vcl 4.1;
backend echo { .host = "{echo_host}"; .port = "{echo_port}"; }
sub vcl_recv {
  unset req.http.traceparent;
  unset req.http.tracestate;
}
