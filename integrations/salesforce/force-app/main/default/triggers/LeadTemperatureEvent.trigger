trigger LeadTemperatureEvent on Event (after insert, after update) {
    List<Id> whoIds = new List<Id>();
    for (Event one : Trigger.new) {
        whoIds.add(one.WhoId);
    }
    LeadTemperature.queueOf(whoIds);
}
