//! Messages to send through.

use throughline_sip::{Builder, Message, Name};

/// A request of a call; what matters to a test is set.
#[derive(Clone)]
pub(crate) struct Ask<'a> {
    pub(crate) method: &'a str,
    pub(crate) uri: &'a str,
    pub(crate) via: &'a str,
    pub(crate) call: &'a str,
    pub(crate) number: u32,
    pub(crate) to_tag: Option<&'a str>,
    pub(crate) hops: Option<u32>,
    pub(crate) more: Vec<(&'a str, String)>,
    pub(crate) body: &'a str,
}

impl Default for Ask<'_> {
    fn default() -> Self {
        Self {
            method: "INVITE",
            uri: "sip:+4930@edge.example.com",
            via: "SIP/2.0/UDP 198.51.100.5:5060;branch=z9hG4bKa",
            call: "c1",
            number: 1,
            to_tag: None,
            hops: Some(70),
            more: Vec::new(),
            body: "",
        }
    }
}

impl Ask<'_> {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let tag = self.to_tag.map(|tag| format!(";tag={tag}")).unwrap_or_default();
        let mut text = format!("{} {} SIP/2.0\r\nVia: {}\r\n", self.method, self.uri, self.via);
        if let Some(hops) = self.hops {
            text += &format!("Max-Forwards: {hops}\r\n");
        }
        for (name, value) in &self.more {
            text += &format!("{name}: {value}\r\n");
        }
        text += &format!(
            "From: <sip:a@198.51.100.5>;tag=fa\r\nTo: <sip:+4930@edge.example.com>{tag}\r\nCall-ID: {}\r\nCSeq: {} {}\r\n",
            self.call, self.number, self.method
        );
        text += &format!("Content-Length: {}\r\n\r\n{}", self.body.len(), self.body);
        text.into_bytes()
    }
}

/// The response that a user agent gives, with its contact and the Record-Routes of the request.
pub(crate) fn reply(request: &Message, status: u16, contact: &str) -> Vec<u8> {
    Builder::reply(request, status, "Reason", Some(b"tb"))
        .copy(request, Name::RecordRoute)
        .header(Name::Contact, format!("<{contact}>"))
        .build()
        .unwrap()
        .to_vec()
}

/// Values of the Record-Routes, in the order in which the called side uses them.
pub(crate) fn recorded(message: &Message) -> Vec<String> {
    message.all(Name::RecordRoute).map(|value| String::from_utf8(value.to_vec()).unwrap()).collect()
}
