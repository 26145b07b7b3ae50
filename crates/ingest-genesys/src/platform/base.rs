//! Where the API and its login are.

use std::fmt;

use reqwest::Url;

/// Regions by the names that Genesys' own SDKs use, with their domains.
const REGIONS: [(&str, &str); 18] = [
    ("us_east_1", "mypurecloud.com"),
    ("eu_west_1", "mypurecloud.ie"),
    ("ap_southeast_2", "mypurecloud.com.au"),
    ("ap_northeast_1", "mypurecloud.jp"),
    ("eu_central_1", "mypurecloud.de"),
    ("us_west_2", "usw2.pure.cloud"),
    ("ca_central_1", "cac1.pure.cloud"),
    ("ap_northeast_2", "apne2.pure.cloud"),
    ("eu_west_2", "euw2.pure.cloud"),
    ("ap_south_1", "aps1.pure.cloud"),
    ("us_east_2", "use2.us-gov-pure.cloud"),
    ("sa_east_1", "sae1.pure.cloud"),
    ("me_central_1", "mec1.pure.cloud"),
    ("ap_northeast_3", "apne3.pure.cloud"),
    ("eu_central_2", "euc2.pure.cloud"),
    ("mx_central_1", "mxc1.pure.cloud"),
    ("ap_southeast_1", "apse1.pure.cloud"),
    ("eusc_de_east_1", "edee1.eusc-pure.cloud"),
];

/// The two hosts of a region.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Base {
    /// The name of the region where it is a known one; else the host of the API.
    pub region: String,
    /// Ends with a slash.
    pub api: Url,
    /// Ends with a slash.
    pub login: Url,
}

/// Neither a region nor an address.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub struct UnknownRegion(String);

impl fmt::Display for UnknownRegion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = REGIONS.iter().map(|(name, _)| *name).collect();
        write!(
            f,
            "`{}` is no region; known are {} and their domains (`mypurecloud.ie`)",
            self.0,
            names.join(", ")
        )
    }
}

impl Base {
    /// A region (`eu_west_1`, `eu-west-1`), its domain (`mypurecloud.ie`), the address of its API, or that of anything
    /// that behaves like it, where the login is at the same address.
    pub fn of(text: &str) -> Result<Self, UnknownRegion> {
        let unknown = || UnknownRegion(text.to_owned());
        let name = text.trim().to_ascii_lowercase().replace('-', "_");
        let host = text.trim().to_ascii_lowercase();
        let host = host.strip_prefix("https://").unwrap_or(&host).trim_end_matches('/');
        let domain =
            ["api.", "login.", "apps."].iter().find_map(|part| host.strip_prefix(part)).unwrap_or(host);
        let known = REGIONS.iter().find(|(region, of)| *region == name || *of == domain);
        if let Some((region, domain)) = known {
            let at = |part| Url::parse(&format!("https://{part}.{domain}/")).map_err(|_| unknown());
            return Ok(Self { region: (*region).to_owned(), api: at("api")?, login: at("login")? });
        }
        let mut url = Url::parse(text.trim()).map_err(|_| unknown())?;
        let plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
        let host = url.host_str().filter(|_| plain && matches!(url.scheme(), "http" | "https"));
        let region = host.ok_or_else(unknown)?.to_owned();
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        Ok(Self { region, login: url.clone(), api: url })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_known_by_name_domain_and_address() {
        for text in [
            "eu_west_1",
            "EU-West-1",
            "mypurecloud.ie",
            "api.mypurecloud.ie",
            "https://api.mypurecloud.ie/",
            "https://login.mypurecloud.ie",
            " https://apps.mypurecloud.ie ",
        ] {
            let base = Base::of(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(base.region, "eu_west_1");
            assert_eq!(base.api.as_str(), "https://api.mypurecloud.ie/");
            assert_eq!(base.login.as_str(), "https://login.mypurecloud.ie/");
        }
    }

    #[test]
    fn every_region_is_found() {
        for (name, domain) in REGIONS {
            let base = Base::of(name).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(base.api.host_str(), Some(format!("api.{domain}").as_str()));
            assert_eq!(Base::of(domain), Ok(base));
        }
    }

    #[test]
    fn another_address_has_its_login_beside_it() {
        let base = Base::of("http://127.0.0.1:7100/genesys").unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((base.api.as_str(), &base.login), ("http://127.0.0.1:7100/genesys/", &base.api));
        assert_eq!(base.region, "127.0.0.1");
    }

    #[test]
    fn what_is_neither_is_refused() {
        for text in ["", "eu_west_9", "ftp://host/", "https://user@host/", "https://host/?q", "not a host"] {
            let error = Base::of(text).expect_err(text).to_string();
            assert!(error.contains("eusc_de_east_1"), "{error}");
        }
    }
}
