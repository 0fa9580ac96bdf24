{
    "name": "Lead temperature",
    "summary": "Hot, warm or cold, with reasons, on every lead: from a lead-temperature server",
    "version": "1.0.0",
    "category": "Sales/CRM",
    "license": "Other OSI approved licence",
    "author": "lead-temperature",
    "depends": ["crm"],
    "external_dependencies": {"python": ["requests"]},
    "data": [
        "security/ir.model.access.csv",
        "data/ir_config_parameter.xml",
        "data/ir_cron.xml",
        "views/crm_lead_views.xml",
    ],
}
