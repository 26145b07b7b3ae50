# Takes the context away.
vcl 4.1;
backend echo { .host = "{echo_host}"; .port = "{echo_port}"; }
# put in: no WebSocket
sub vcl_recv {
  unset req.http.traceparent;
}
sub vcl_backend_fetch {
  unset bereq.http.tracestate;
}
