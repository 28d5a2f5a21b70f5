"""When: molecular and calendar time, growth, treatments."""
