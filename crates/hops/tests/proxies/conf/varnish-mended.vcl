# As the doctor prints it.
vcl 4.1;
backend echo { .host = "{echo_host}"; .port = "{echo_port}"; }
sub vcl_recv { if (req.http.upgrade ~ "(?i)websocket") { return (pipe); } }
sub vcl_pipe { if (req.http.upgrade) { set bereq.http.upgrade = req.http.upgrade; set bereq.http.connection = req.http.connection; } }
