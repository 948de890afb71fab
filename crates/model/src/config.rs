//! Sections of the configuration file: read strictly, shown as Prometheus shows them.
//!
//! [`section!`](crate::section) defines a struct with its fields, defaults and check in one place. A field marked
//! `inline` is itself a section whose fields are written between those of the outer one (`basic_auth` beside
//! `job_name`), and a field that neither knows is still refused where it stands. What is shown leaves out what is
//! empty, unless the field is marked `always`.

mod duration;
mod size;

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::path::PathBuf;

use serde::de::{DeserializeOwned, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serializer};

pub use duration::Duration;
pub use size::Size;

use crate::nearest::edits;

/// What [`section!`](crate::section) implements.
pub trait Section: Default {
    /// The name that errors give to the type: Prometheus' own where it has one.
    const TYPE: &'static str;

    /// Reads the value of `key` if it is one of its fields.
    fn read_field<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error>;

    /// Adds the names of its fields.
    fn field_names(&self, names: &mut Vec<&'static str>);

    /// Refuses what cannot be meant, and completes what follows from the rest.
    fn validate(&mut self) -> Result<(), String>;

    /// Writes the fields that are to be shown.
    fn show<S: SerializeMap>(&self, map: &mut S) -> Result<(), S::Error>;

    /// Whether every field is empty.
    fn all_empty(&self) -> bool;
}

/// Whether a value is left out of what is shown.
pub trait Empty {
    /// Whether it is the empty value of its type.
    fn is_empty_value(&self) -> bool;
}

macro_rules! empty {
    ($($kind:ty: $check:expr;)*) => {
        $(impl Empty for $kind {
            fn is_empty_value(&self) -> bool {
                let check: fn(&$kind) -> bool = $check;
                check(self)
            }
        })*
    };
}

empty! {
    bool: |v| !*v;
    u16: |v| *v == 0;
    u32: |v| *v == 0;
    u64: |v| *v == 0;
    i64: |v| *v == 0;
    usize: |v| *v == 0;
    f64: |v| *v == 0.0;
    String: |v| v.is_empty();
    PathBuf: |v| v.as_os_str().is_empty();
    Duration: |v| v.is_zero();
    Size: |v| v.0 == 0;
}

impl<T> Empty for Option<T> {
    fn is_empty_value(&self) -> bool {
        self.is_none()
    }
}

impl<T> Empty for Vec<T> {
    fn is_empty_value(&self) -> bool {
        self.is_empty()
    }
}

impl<K, V> Empty for BTreeMap<K, V> {
    fn is_empty_value(&self) -> bool {
        self.is_empty()
    }
}

/// Reads a section; what [`section!`](crate::section) calls.
pub fn read<'de, T: Section, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    struct Fields<T>(PhantomData<T>);

    impl<'de, T: Section> Visitor<'de> for Fields<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "the fields of {}", T::TYPE)
        }

        fn visit_unit<E: serde::de::Error>(self) -> Result<T, E> {
            checked(T::default())
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
            let mut section = T::default();
            let mut known = Vec::new();
            section.field_names(&mut known);
            while let Some(key) = map.next_key_seed(Key { kind: T::TYPE, known: &known })? {
                section.read_field(key, &mut map)?;
            }
            checked(section)
        }
    }

    deserializer.deserialize_map(Fields(PhantomData))
}

fn checked<T: Section, E: serde::de::Error>(mut section: T) -> Result<T, E> {
    section.validate().map_err(E::custom)?;
    Ok(section)
}

/// Reads the name of a field. An unknown one is refused here, where the reader knows the place.
struct Key<'a> {
    kind: &'static str,
    known: &'a [&'static str],
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = &'static str;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = &'static str;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a field")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Self::Value, E> {
        let found = self.known.iter().find(|known| **known == name);
        found.copied().ok_or_else(|| E::custom(unknown(name, self.kind, self.known)))
    }
}

/// The sentence about a field that `kind` does not have, with the nearest one where one is near.
pub fn unknown(field: &str, kind: &str, known: &[&str]) -> String {
    let nearest = known.iter().map(|name| (edits(field, name), *name)).min();
    match nearest {
        Some((distance, name)) if distance <= field.chars().count().div_ceil(2) => {
            format!("field {field} not found in type {kind}: did you mean \"{name}\"?")
        }
        _ => format!("field {field} not found in type {kind}"),
    }
}

/// Reads a value that may also be written as nothing at all.
pub fn value<'de, A: MapAccess<'de>, T: Deserialize<'de>>(
    map: &mut A,
    into: &mut T,
) -> Result<bool, A::Error> {
    if let Some(value) = map.next_value::<Option<T>>()? {
        *into = value;
    }
    Ok(true)
}

/// Reads a list that has no empty entries; `message` is the error about one.
pub fn list<'de, A: MapAccess<'de>, T: DeserializeOwned>(
    map: &mut A,
    into: &mut Vec<T>,
    message: &str,
) -> Result<bool, A::Error> {
    *into = map.next_value_seed(Entries { message, of: PhantomData })?;
    Ok(true)
}

/// A list, or nothing at all.
struct Entries<'m, T> {
    message: &'m str,
    of: PhantomData<T>,
}

impl<'de, T: DeserializeOwned> DeserializeSeed<'de> for Entries<'_, T> {
    type Value = Vec<T>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<T>, D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de, T: DeserializeOwned> Visitor<'de> for Entries<'_, T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<Vec<T>, E> {
        Ok(Vec::new())
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Vec<T>, E> {
        Ok(Vec::new())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<T>, D::Error> {
        deserializer.deserialize_seq(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Vec<T>, A::Error> {
        let mut list = Vec::new();
        while let Some(entry) = entries.next_element_seed(Entry { message: self.message, of: PhantomData })? {
            list.push(entry);
        }
        Ok(list)
    }
}

/// One entry. That it is empty is said here, where the reader knows the place.
struct Entry<'m, T> {
    message: &'m str,
    of: PhantomData<T>,
}

impl<'de, T: DeserializeOwned> DeserializeSeed<'de> for Entry<'_, T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de, T: DeserializeOwned> Visitor<'de> for Entry<'_, T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an entry")
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<T, E> {
        Err(E::custom(self.message))
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<T, E> {
        Err(E::custom(self.message))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        T::deserialize(deserializer)
    }
}

/// Writes a section; what [`section!`](crate::section) calls.
pub fn write<T: Section, S: Serializer>(section: &T, serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(None)?;
    section.show(&mut map)?;
    map.end()
}

/// Defines a section of the configuration.
///
/// ```
/// model::section! {
///     /// How to greet.
///     pub struct Greeting ("config.Greeting") {
///         /// Whom.
///         name: String = String::new(),
///         /// How often; shown even where it is 0.
///         times: u64 = 1 => always,
///         /// In which words.
///         words: Vec<String> = Vec::new() => list("empty or null word"),
///         /// A field whose name is not ours to choose.
///         kind ("type"): String = String::new(),
///     }
///     check Self::check
/// }
///
/// impl Greeting {
///     fn check(&mut self) -> Result<(), String> {
///         if self.name.is_empty() { Err("name is empty".to_owned()) } else { Ok(()) }
///     }
/// }
/// ```
///
/// `=> hidden` marks a field that is read and not shown; `=> inline` one that is a section itself and whose fields are
/// written among these.
#[macro_export]
macro_rules! section {
    (
        $(#[$meta:meta])*
        pub struct $name:ident ($type_name:literal) {
            $($(#[$field_meta:meta])* $field:ident $(($key:literal))? : $kind:ty = $default:expr
                $(=> $how:ident $(($argument:literal))?)?,)*
        }
        $(check $check:expr)?
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name {
            $($(#[$field_meta])* pub $field: $kind,)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        impl $crate::config::Section for $name {
            const TYPE: &'static str = $type_name;

            fn read_field<'de, A: ::serde::de::MapAccess<'de>>(
                &mut self,
                key: &str,
                map: &mut A,
            ) -> Result<bool, A::Error> {
                $($crate::section!(@read [$($how $(($argument))?)?] self.$field, $crate::section!(@key $field $($key)?), key, map);)*
                Ok(false)
            }

            fn field_names(&self, names: &mut Vec<&'static str>) {
                $($crate::section!(@names [$($how)?] self.$field, $crate::section!(@key $field $($key)?), names);)*
            }

            fn validate(&mut self) -> Result<(), String> {
                $($crate::section!(@validate [$($how)?] self.$field);)*
                $({
                    let check: fn(&mut Self) -> Result<(), String> = $check;
                    check(self)?;
                })?
                Ok(())
            }

            fn show<S: ::serde::ser::SerializeMap>(&self, map: &mut S) -> Result<(), S::Error> {
                $($crate::section!(@show [$($how)?] self.$field, $crate::section!(@key $field $($key)?), map);)*
                Ok(())
            }

            fn all_empty(&self) -> bool {
                true $(&& $crate::section!(@empty [$($how)?] self.$field))*
            }
        }

        impl $crate::config::Empty for $name {
            fn is_empty_value(&self) -> bool {
                $crate::config::Section::all_empty(self)
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::config::read(deserializer)
            }
        }

        impl ::serde::Serialize for $name {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $crate::config::write(self, serializer)
            }
        }
    };
    (@key $field:ident) => { stringify!($field) };
    (@key $field:ident $key:literal) => { $key };
    (@read [inline] $self:ident.$field:ident, $name:expr, $key:ident, $map:ident) => {
        if $crate::config::Section::read_field(&mut $self.$field, $key, $map)? {
            return Ok(true);
        }
    };
    (@read [list($message:literal)] $self:ident.$field:ident, $name:expr, $key:ident, $map:ident) => {
        if $key == $name {
            return $crate::config::list($map, &mut $self.$field, $message);
        }
    };
    (@read [$($how:ident)?] $self:ident.$field:ident, $name:expr, $key:ident, $map:ident) => {
        if $key == $name {
            return $crate::config::value($map, &mut $self.$field);
        }
    };
    (@names [inline] $self:ident.$field:ident, $name:expr, $names:ident) => {
        $crate::config::Section::field_names(&$self.$field, $names)
    };
    (@names [$($how:ident)?] $self:ident.$field:ident, $name:expr, $names:ident) => { $names.push($name) };
    (@validate [inline] $self:ident.$field:ident) => { $crate::config::Section::validate(&mut $self.$field)? };
    (@validate [$($how:ident)?] $self:ident.$field:ident) => {};
    (@show [inline] $self:ident.$field:ident, $name:expr, $map:ident) => {
        $crate::config::Section::show(&$self.$field, $map)?
    };
    (@show [hidden] $self:ident.$field:ident, $name:expr, $map:ident) => {};
    (@show [always] $self:ident.$field:ident, $name:expr, $map:ident) => {
        $map.serialize_entry($name, &$self.$field)?
    };
    (@show [$($how:ident)?] $self:ident.$field:ident, $name:expr, $map:ident) => {
        if !$crate::config::Empty::is_empty_value(&$self.$field) {
            $map.serialize_entry($name, &$self.$field)?
        }
    };
    (@empty [hidden] $self:ident.$field:ident) => { true };
    (@empty [inline] $self:ident.$field:ident) => { $crate::config::Section::all_empty(&$self.$field) };
    (@empty [$($how:ident)?] $self:ident.$field:ident) => {
        $crate::config::Empty::is_empty_value(&$self.$field)
    };
}
