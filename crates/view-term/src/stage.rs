//! The twelve stages, the work below them, and their colours.

use crate::answer::Span;
use crate::paint::Ground;

/// A fill of the page's colour scale: one per stage, a ramp for the work below, none for what is around stages.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Tone {
    Setup,
    Ivr,
    Action,
    Queue,
    Alert,
    Talk,
    Hold,
    Park,
    Consult,
    Transfer,
    Voicemail,
    Wrapup,
    Call,
    Http,
    Crm,
    Db,
}

use Tone::{
    Action, Alert, Call, Consult, Crm, Db, Hold, Http, Ivr, Park, Queue, Setup, Talk, Transfer, Voicemail,
    Wrapup,
};

impl Tone {
    pub const STAGES: [(&'static str, Self); 12] = [
        ("setup", Setup),
        ("ivr", Ivr),
        ("action", Action),
        ("queue", Queue),
        ("alert", Alert),
        ("talk", Talk),
        ("hold", Hold),
        ("park", Park),
        ("consult", Consult),
        ("transfer", Transfer),
        ("voicemail", Voicemail),
        ("wrapup", Wrapup),
    ];

    pub fn stage(name: &str) -> Option<Self> {
        Self::STAGES.iter().find(|(known, _)| *known == name).map(|(_, tone)| *tone)
    }

    pub fn name(self) -> &'static str {
        match self {
            Setup => "Set-up",
            Ivr => "IVR",
            Action => "Data Action",
            Queue => "Queue",
            Alert => "Ring",
            Talk => "Talk",
            Hold => "Hold",
            Park => "Park",
            Consult => "Consult",
            Transfer => "Transfer",
            Voicemail => "Voicemail",
            Wrapup => "Wrap-up",
            Call => "Call",
            Http => "HTTP",
            Crm => "CRM",
            Db => "SQL",
        }
    }

    pub fn is_stage(self) -> bool {
        !matches!(self, Call | Http | Crm | Db)
    }

    /// The caller waits in these; in everything else somebody or something works for the caller.
    pub fn waits(self) -> bool {
        matches!(self, Queue | Alert | Hold | Park)
    }

    pub fn works(self) -> bool {
        matches!(self, Talk | Consult | Wrapup)
    }

    /// The caller is on the line.
    pub fn has_caller(self) -> bool {
        self.is_stage() && !matches!(self, Wrapup | Consult)
    }

    /// Application work.
    pub fn is_work(self) -> bool {
        matches!(self, Action | Http | Crm | Db)
    }

    /// Fill and ink, as the page has them.
    pub(crate) fn colours(self, ground: Ground) -> (u32, u32) {
        const BLACK: u32 = 0x000d_1116;
        const WHITE: u32 = 0xff_ff_ff;
        let (dark, light) = match self {
            Setup => ((0xac_8f_6b, BLACK), (0xa1_80_59, BLACK)),
            Ivr => ((0x94_80_ec, BLACK), (0x45_26_a3, WHITE)),
            Action => ((0xd0_70_c8, BLACK), (0x74_37_85, WHITE)),
            Queue => ((0xe6_ad_3a, BLACK), (0xf0_c4_45, BLACK)),
            Alert => ((0xd3_6a_3a, BLACK), (0x9b_4b_1b, WHITE)),
            Talk => ((0x42_b8_94, BLACK), (0x3f_73_63, WHITE)),
            Hold => ((0x9a_c4_db, BLACK), (0xb8_df_fc, BLACK)),
            Park => ((0xcb_d4_78, BLACK), (0xad_b6_75, BLACK)),
            Consult => ((0x63_89_ba, BLACK), (0x37_95_e6, BLACK)),
            Transfer => ((0xba_30_57, WHITE), (0x58_00_1c, WHITE)),
            Voicemail => ((0xfd_c6_cb, BLACK), (0xfc_96_9a, BLACK)),
            Wrapup => ((0x73_76_7b, WHITE), (0xca_d2_db, BLACK)),
            Call | Http => ((0x54_6b_85, WHITE), (0x7a_87_99, BLACK)),
            Crm => ((0x96_a4_b5, BLACK), (0x39_44_53, WHITE)),
            Db => ((0xdb_e8_fe, BLACK), (0x17_24_3d, WHITE)),
        };
        if ground == Ground::Dark { dark } else { light }
    }
}

/// Nobody is on a line there.
pub fn is_written(channel: Option<&str>) -> bool {
    matches!(channel, Some("chat" | "message" | "email"))
}

pub(crate) fn is_query(span: &Span) -> bool {
    let keys = ["db.system", "db.system.name", "db.statement", "db.query.text"];
    span.attributes.iter().any(|one| keys.contains(&one.key.as_str()))
}

/// What an application span is: a query, or the first or a later service behind the stage.
pub(crate) fn work_tone(span: &Span, services_above: usize) -> Tone {
    if is_query(span) {
        Db
    } else if services_above > 0 || names_crm(&span.service) {
        Crm
    } else {
        Http
    }
}

fn names_crm(service: &str) -> bool {
    service.split(|c: char| !c.is_ascii_alphabetic()).any(|word| word.eq_ignore_ascii_case("crm"))
}
