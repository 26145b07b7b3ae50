//! The list by name.

use std::io;
use std::net::IpAddr;

use super::*;

type Script = Arc<StdMutex<Option<Vec<&'static str>>>>;

/// A name service that says what stands in the script: nothing at all is silence.
fn service(script: &Script, fails: &'static str) -> NameService {
    let script = Arc::clone(script);
    NameService(Box::new(move |host| {
        assert_eq!(host, "backends.example");
        let said = script.lock().unwrap().clone();
        Box::pin(async move {
            match said {
                Some(list) if list == [fails] => Err(io::Error::other("SERVFAIL")),
                Some(list) => Ok(list.iter().map(|ip| ip.parse::<IpAddr>().unwrap()).collect()),
                None => std::future::pending().await,
            }
        })
    }))
}

#[tokio::test(start_paused = true)]
async fn the_last_good_list_stays() {
    let script: Script = Arc::default();
    let ctx = Ctx::new(Arc::new(Memory::default()), Telemetry::default());
    let ctx = ctx.with(Arc::new(service(&script, "fails")));
    let yaml = "resolver: {dns: {hostname: backends.example, port: 5317, interval: 10s, timeout: 2s}}";
    let setup = Setup::within(ctx, yaml, paper).await;
    let refusal = setup.send(1).await.unwrap_err();
    assert_eq!(refusal.why, "exporter load_balancing knows no backend yet");
    assert_eq!(refusal.retry_after, Some(Duration::from_secs(5)));

    for (said, backends) in [
        (Some(vec!["10.0.0.2", "10.0.0.1", "10.0.0.2", "2001:db8::1"]), 3.0),
        (Some(vec!["fails"]), 3.0),
        (Some(vec![]), 3.0),
        (None, 3.0),
        (Some(vec!["10.0.0.1"]), 1.0),
    ] {
        *script.lock().unwrap() = said.clone();
        tokio::time::sleep(Duration::from_secs(13)).await;
        assert_eq!(
            setup.metric("otelcol_loadbalancer_num_backends", &[("resolver", "dns")]),
            backends,
            "{said:?}"
        );
        setup.send(30).await.unwrap();
        setup.quiet().await;
    }
    let taken = setup.world.taken.lock().unwrap().clone();
    assert_eq!(taken.keys().collect::<Vec<_>>(), ["10.0.0.1:5317", "10.0.0.2:5317", "[2001:db8::1]:5317"]);
    assert!(setup.metric("otelcol_loadbalancer_num_resolutions", &[("success", "true")]) >= 2.0);
    assert!(setup.metric("otelcol_loadbalancer_num_resolutions", &[("success", "false")]) >= 4.0);
    assert_eq!(setup.balance().lost, 0);
    setup.stop().await;
}

#[tokio::test]
async fn the_system_is_asked() {
    let found = (NameService::default().0)("127.0.0.1").await.unwrap();
    assert_eq!(found, [IpAddr::from([127, 0, 0, 1])]);
}
