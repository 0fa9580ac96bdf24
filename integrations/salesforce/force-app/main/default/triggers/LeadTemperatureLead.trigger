trigger LeadTemperatureLead on Lead (after insert, after update) {
    LeadTemperature.queue(Trigger.newMap.keySet());
}
