"""From a CRM's own tables to `Tables`: mapping, formats, rules, rejects, and what a look finds."""
