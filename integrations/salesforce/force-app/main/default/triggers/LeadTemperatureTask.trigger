trigger LeadTemperatureTask on Task (after insert, after update) {
    List<Id> whoIds = new List<Id>();
    for (Task one : Trigger.new) {
        whoIds.add(one.WhoId);
    }
    LeadTemperature.queueOf(whoIds);
}
