//! What the service refuses, told to people.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Duration;

use opentelemetry::trace::Status;
use throughline_sdk::genesys::calls::{
    CallError, Calls, Destination, Dialect, Http, Identity, Reason, Transfer,
};

use crate::site::{Site, ann, bob, to};
use crate::spans::{text, traced};

/// The message and the mend, without ids that differ.
fn shown(error: &CallError) -> String {
    let CallError::Refused(refused) = error else { panic!("{error:?}") };
    assert!(!refused.refusal.correlation.is_empty());
    format!("{error}\n  {}", error.mend()).replace(&refused.refusal.correlation, "C0FFEE")
}

fn refusal(error: &CallError) -> (u16, Reason) {
    let CallError::Refused(refused) = error else { panic!("{error:?}") };
    (refused.refusal.status, refused.refusal.reason())
}

/// Guarantees: the permission, and what the token has instead, are named.
#[tokio::test]
async fn a_missing_permission_is_named_with_the_roles_of_the_token() {
    let denied =
        ["conversation:agentlessCall:add", "conversation:call:add", "callcenter:outboundcalls:modify"];
    let site = Site::with(|options| options.denied = denied.map(str::to_owned).into()).await;
    let call = to("tel:+493023125111").user(ann());
    let (placed, spans) = traced(site.calls(Dialect::PublicApi).place(&call)).await;
    let error = placed.unwrap_err();
    assert_eq!(refusal(&error), (403, Reason::Permission));
    expect_test::expect![[r#"
        POST /api/v2/conversations/calls/user/{userId} was refused with 403 missing.any.permissions: Unable to perform the requested action. You are missing the following permission(s): conversation:agentlessCall:add, conversation:call:add [correlation C0FFEE]
        missing: conversation:agentlessCall:add or conversation:call:add
        roles of the token of simulated-client: Simulated (Home); its scopes: none
          give a role with conversation:agentlessCall:add or conversation:call:add to the OAuth client (Admin, Integrations, OAuth, Roles), in the division of the call, and fetch a new token"#]].assert_eq(&shown(&error));
    let names: Vec<&str> = spans.iter().map(|span| span.name.as_ref()).collect();
    assert_eq!(
        names,
        [
            "POST /api/v2/conversations/calls/user/{userId}",
            "GET /api/v2/tokens/me",
            "GET /api/v2/authorization/subjects/me",
            "Place call",
        ]
    );
    assert_eq!(text(spans.last().unwrap(), "error.type").as_deref(), Some("missing.any.permissions"));
    assert_eq!(spans.last().unwrap().status, Status::error(""));

    let call = to("tel:+6598765432").from("tel:+6512345678".parse().unwrap());
    let error = site.calls(Dialect::Pages).place(&call).await.unwrap_err();
    expect_test::expect![[r#"
        POST /api/v2/conversations/calls was refused with 403 missing.permissions: Unable to perform the requested action. You are missing the following permission(s): callcenter:outboundcalls:modify [correlation C0FFEE]
        missing: callcenter:outboundcalls:modify
        roles of the token of simulated-client: Simulated (Home); its scopes: none
          give a role with callcenter:outboundcalls:modify to the OAuth client (Admin, Integrations, OAuth, Roles), in the division of the call, and fetch a new token"#]].assert_eq(&shown(&error));
}

#[tokio::test]
async fn a_transfer_without_permission_names_it_too() {
    let permission = "conversation:communication:consultTransfer".to_owned();
    let site = Site::with(|options| options.denied = vec![permission]).await;
    let calls = site.calls(Dialect::PublicApi);
    let placed = calls.place(&to("tel:+493023125111").user(ann())).await.unwrap();
    site.wait(15_000);
    let consult = Transfer::consult(&placed.conversation, Destination::User(bob()));
    let error = calls.transfer(&consult).await.unwrap_err();
    expect_test::expect![[r#"
        POST /api/v2/conversations/calls/{conversationId}/participants/{participantId}/consult/agent was refused with 403 missing.permissions: Unable to perform the requested action. You are missing the following permission(s): conversation:communication:consultTransfer [correlation C0FFEE]
        missing: conversation:communication:consultTransfer
        roles of the token of simulated-client: Simulated (Home); its scopes: none
          give a role with conversation:communication:consultTransfer to the OAuth client (Admin, Integrations, OAuth, Roles), in the division of the call, and fetch a new token"#]].assert_eq(&shown(&error));
}

#[tokio::test]
async fn a_wrong_request_says_the_field_or_the_reason() {
    let site = Site::open().await;
    let calls = site.calls(Dialect::PublicApi);
    // The token is not that of a user, although the caller says so.
    let user = site.as_identity(Dialect::PublicApi, Identity::User);
    let mut said = Vec::new();
    let unknown = "00000000-0000-4000-8000-000000000000";
    for (calls, call) in [(&user, to("tel:+493023125111")), (&calls, to("tel:+493023125111").user(unknown))] {
        said.push(shown(&calls.place(&call).await.unwrap_err()));
    }
    let placed = calls.place(&to("tel:+493023125111").user(ann())).await.unwrap();
    site.wait(15_000);
    for transfer in [
        Transfer::blind(&placed.conversation, Destination::User(ann())),
        Transfer::blind(&placed.conversation, Destination::Queue(unknown.to_owned())),
        Transfer::cancel(&placed.conversation),
        Transfer::cancel(unknown),
    ] {
        said.push(shown(&calls.transfer(&transfer).await.unwrap_err()));
    }
    expect_test::expect![[r#"
        POST /api/v2/conversations/calls was refused with 400 not.a.user: This request requires a user context. Client credentials cannot be used for requests to this resource [correlation C0FFEE]
          this request takes the token of a user: let the agent log in by the authorization code grant and hand that token in; client credentials can only place calls on behalf of a user
        POST /api/v2/conversations/calls/user/{userId} was refused with 404 not.found: The user was not found [correlation C0FFEE]
          check the ids; what is in a division that the token may not see is not found either
        POST /api/v2/conversations/{conversationId}/participants/{participantId}/replace/agent was refused with 400 conversations.error.transfer.same.party: The call cannot be transferred to the party that has it [correlation C0FFEE]
          see the message of the service
        POST /api/v2/conversations/{conversationId}/participants/{participantId}/replace/queue was refused with 400 queue.not.found: The queue was not found [correlation C0FFEE]
          check the ids; what is in a division that the token may not see is not found either
        DELETE /api/v2/conversations/calls/{conversationId}/participants/{participantId}/consult was refused with 404 conversation.error.consult.transfer.pending.not.found: The pending consult transfer was not found [correlation C0FFEE]
          read the conversation: only a connected call can be handed over, and only a consultation that goes on be ended
        GET /api/v2/conversations/{conversationId} was refused with 404 conversation.error.conversation.not.found: The conversation was not found [correlation C0FFEE]
          check the ids; what is in a division that the token may not see is not found either"#]].assert_eq(&said.join("\n"));
}

#[tokio::test]
async fn a_token_that_is_over_is_told_apart() {
    let site = Site::open().await;
    for (identity, expected) in
        [(Identity::Client, "check id and secret"), (Identity::User, "let the user log in again")]
    {
        let api = Http::new(reqwest::Client::new(), &site.simulator.base_url(), "no-token").unwrap();
        let calls = Calls::new(api, Dialect::PublicApi, identity);
        let error = calls.place(&to("tel:+493023125111").user(ann())).await.unwrap_err();
        assert_eq!(refusal(&error), (401, Reason::Token));
        assert!(error.mend().contains(expected), "{}", error.mend());
    }
}

#[tokio::test]
async fn too_many_requests_say_when_to_ask_again() {
    let site = Site::with(|options| options.requests_per_minute = 1).await;
    let calls = site.calls(Dialect::PublicApi);
    let call = to("tel:+493023125111").user(ann());
    calls.place(&call).await.unwrap();
    let error = calls.place(&call).await.unwrap_err();
    assert_eq!(refusal(&error), (429, Reason::TooMany));
    let CallError::Refused(refused) = &error else { panic!("{error:?}") };
    assert_eq!(refused.refusal.retry_after, Some(Duration::from_secs(60)));
    assert_eq!(error.mend(), "nothing was done: ask again in 60 s");
}

/// Guarantees: whoever has no answer knows whether the call may ring.
#[tokio::test]
async fn no_answer_says_whether_it_may_have_been_done() {
    rustls::crypto::ring::default_provider().install_default().ok();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let calls = Calls::new(
        Http::new(reqwest::Client::new(), &url, "t").unwrap(),
        Dialect::PublicApi,
        Identity::Client,
    );
    let call = to("tel:+493023125111").user(ann());
    let hangs_up = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut some = [0; 64];
        assert!(stream.read(&mut some).unwrap() > 0);
    });
    let error = calls.place(&call).await.unwrap_err();
    assert!(matches!(error, CallError::NoAnswer { perhaps_done: true, .. }), "{error:?}");
    assert_eq!(error.mend(), "it may have been done: look for the call before you ask again");
    hangs_up.join().unwrap();
    let error = calls.place(&call).await.unwrap_err();
    assert!(matches!(error, CallError::NoAnswer { perhaps_done: false, .. }), "{error:?}");
}

/// Guarantees: whatever a service answers is an error in words, and nothing breaks.
#[tokio::test]
async fn a_hostile_service_breaks_nothing() {
    rustls::crypto::ring::default_provider().install_default().ok();
    for (answer, kind) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", "garbled"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 15\r\n\r\n{\"id\":\"../../\"}\n", "garbled"),
        ("HTTP/1.1 204 No Content\r\n\r\n", "garbled"),
        ("HTTP/1.1 500 \r\ncontent-length: 4\r\n\r\n\"\0\0\"", "500"),
        ("HTTP/1.1 400 \r\ncontent-length: 1\r\n\r\n[", "400"),
        ("nonsense\r\n\r\n", "no_answer"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let answers = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut some = [0; 8192];
            assert!(stream.read(&mut some).unwrap() > 0);
            stream.write_all(answer.as_bytes()).unwrap();
        });
        let api = Http::new(reqwest::Client::new(), &url, "t").unwrap();
        let calls = Calls::new(api, Dialect::PublicApi, Identity::Client);
        let error = calls.place(&to("tel:+493023125111").user(ann())).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{answer}");
        answers.join().unwrap();
    }
}

#[test]
fn secrets_are_not_shown() {
    rustls::crypto::ring::default_provider().install_default().ok();
    let api = Http::new(reqwest::Client::new(), "https://api.mypurecloud.ie", "s3cret").unwrap();
    assert!(!format!("{api:?}").contains("s3cret"));
    for (address, token) in [
        ("api.mypurecloud.ie", "t"),
        ("https://a:b@c", "t"),
        ("https://a/?q", "t"),
        ("https://a", "s3cret\n1"),
    ] {
        let why = Http::new(reqwest::Client::new(), address, token).unwrap_err().to_string();
        assert!(!why.contains("s3cret"));
    }
}
