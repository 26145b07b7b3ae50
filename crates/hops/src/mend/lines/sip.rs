//! The lines for SIP; `docs/sip.md` says more about each product.

use super::Problem;
use crate::product::Product;

pub(super) fn of(product: Product, problem: Problem) -> Option<(&'static str, &'static str)> {
    match problem {
        Problem::Lost => lost(product),
        Problem::OwnContext | Problem::Doubled => own(product),
        Problem::TooLong | Problem::Names | Problem::Upgrade | Problem::Grpc => None,
    }
}

fn lost(product: Product) -> Option<(&'static str, &'static str)> {
    Some(match product {
        Product::Kamailio => (
            "in the routes: a proxy passes what no rule removes, so leave these names out of the patterns too",
            "- remove_hf(\"{header}\");\n- remove_hf_re(\"...\");",
        ),
        Product::OpenSips => (
            "in the routes, no rule that removes them; with `b2b_logic`, which passes what it is told",
            "- remove_hf(\"{header}\");\nmodparam(\"b2b_logic\", \"custom_headers\", \"traceparent;tracestate;X-Traceparent;User-to-User;Session-ID\")",
        ),
        Product::FreeSwitch => (
            "in the dialplan, before the bridge: names with X- are copied unless that is switched off, others are not",
            "- <action application=\"set\" data=\"sip_copy_custom_headers=false\"/>\n<action application=\"export\" data=\"nolocal:sip_h_traceparent=${sip_h_X-Traceparent}\"/>",
        ),
        Product::Asterisk => (
            "in the dialplan, before Dial, from 20.19, 22.9 and 23.3 on",
            "same => n,Set(PJSIP_INHERITABLE_HEADER(add,{header})=${PJSIP_HEADER(read,{header})})",
        ),
        Product::AudioCodes => (
            "in Message Manipulations: the first rule in the inbound set of the IP group that calls, the second in the outbound set of the one that is called",
            "invite.request | header.x-traceparent exists | var.call.src.0 | Modify | header.x-traceparent\ninvite.request | var.call.src.0 != '' | header.x-traceparent | Add | var.call.src.0",
        ),
        Product::Oracle => (
            "in the sip-manipulation of the realm, the session agent and the interface: no rule that deletes the header",
            "- header-rule\n-         header-name                    {header}\n-         action                         delete",
        ),
        Product::Ribbon => (
            "a transparency profile on the trunk groups of both sides; GENESYS stands for yours",
            "set profiles services transparencyProfile TRACE sipHeader {header}\nset profiles services transparencyProfile TRACE state enabled\nset addressContext default zone GENESYS sipTrunkGroup GENESYS services transparencyProfile TRACE",
        ),
        Product::Cube => (
            "in the configuration; the last two lines belong to the incoming dial peer",
            "voice class sip-hdr-passthrulist 7\n passthru-hdr {header}\ndial-peer voice 100 voip\n voice-class sip pass-thru headers 7",
        ),
        Product::Throughline => (
            "in the receiver `sip`: the sender and the receiver of these calls are peers of trunks that keep contexts",
            "trunks:\n  NAME: {peers: [ADDRESS], preserve_trace_context: true}",
        ),
        _ => return None,
    })
}

fn own(product: Product) -> Option<(&'static str, &'static str)> {
    Some(match product {
        Product::Kamailio | Product::OpenSips => (
            "in the routes: write a context only where none came, under neither name",
            "- remove_hf(\"{header}\");\n- append_hf(\"{header}: ...\\r\\n\");\nif (!is_present_hf(\"traceparent\") && !is_present_hf(\"X-Traceparent\")) append_hf(\"{header}: ...\\r\\n\");",
        ),
        Product::Throughline => return lost(product),
        _ => return None,
    })
}
