//! From YAML to a settings struct.
