"""The forge that we stand on: every call speaks the core's types and errors, tries once, and never decides."""
