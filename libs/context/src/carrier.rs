//! Where a context is read from and written to: anything that is a list of names and values.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

/// Names and values to read from: HTTP or SIP headers, message headers, fields of a JSON object.
///
/// Slices and vectors of pairs and `BTreeMap`s are ready to use; text and bytes will do for values. For others, the
/// fields are enough:
///
/// ```
/// use throughline_context::{Getter, w3c};
///
/// struct Query(String);
///
/// impl Getter for Query {
///     fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
///         self.0.split('&').filter_map(|pair| pair.split_once('=')).map(|(name, value)| (name, value.as_bytes()))
///     }
/// }
///
/// let query = Query("a=1&traceparent=00-4bf92f3577f34da6c19e9222d19e89b8-ccbd124dbdfc3439-01".into());
/// assert!(matches!(w3c::extract(&query), w3c::Extraction::Valid { .. }));
/// ```
pub trait Getter {
    /// Every name and value, in the order received.
    fn fields(&self) -> impl Iterator<Item = (&str, &[u8])>;

    /// The values of one name, in the order received; names are compared without regard to ASCII case.
    fn get_all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.fields().filter(move |(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// Names and values to write to.
pub trait Setter {
    /// Replaces all values of `name`, whatever their case, by this one.
    fn set(&mut self, name: &str, value: &str);

    /// Takes away all values of `name`, whatever their case.
    fn unset(&mut self, name: &str);
}

impl<T: Getter + ?Sized> Getter for &T {
    fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        (**self).fields()
    }

    fn get_all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        (**self).get_all(name)
    }
}

impl<N: AsRef<str>, V: AsRef<[u8]>> Getter for [(N, V)] {
    fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.iter().map(|(name, value)| (name.as_ref(), value.as_ref()))
    }
}

impl<N: AsRef<str>, V: AsRef<[u8]>, const COUNT: usize> Getter for [(N, V); COUNT] {
    fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        Getter::fields(self.as_slice())
    }
}

impl<N: AsRef<str>, V: AsRef<[u8]>> Getter for Vec<(N, V)> {
    fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        Getter::fields(self.as_slice())
    }
}

impl<N: AsRef<str>, V: AsRef<[u8]>> Getter for BTreeMap<N, V> {
    fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.iter().map(|(name, value)| (name.as_ref(), value.as_ref()))
    }
}

impl<V: for<'v> From<&'v str>> Setter for Vec<(String, V)> {
    fn set(&mut self, name: &str, value: &str) {
        self.unset(name);
        self.push((name.into(), value.into()));
    }

    fn unset(&mut self, name: &str) {
        self.retain(|(own, _)| !own.eq_ignore_ascii_case(name));
    }
}

impl<V: for<'v> From<&'v str>> Setter for BTreeMap<String, V> {
    fn set(&mut self, name: &str, value: &str) {
        self.unset(name);
        self.insert(name.into(), value.into());
    }

    fn unset(&mut self, name: &str) {
        self.retain(|own, _| !own.eq_ignore_ascii_case(name));
    }
}
