// A program on the Java client that was generated from the server's document.
import com.fasterxml.jackson.databind.ObjectMapper;
import java.net.http.HttpClient;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.openapitools.client.ApiClient;
import org.openapitools.client.ApiException;
import org.openapitools.client.api.ContractApi;
import org.openapitools.client.api.ScoreApi;
import org.openapitools.client.model.*;

public class Program {
    static ApiClient asked(String url, String key) {
        ApiClient client = new ApiClient();
        // Java's own client asks for an upgrade to HTTP/2 otherwise, which no body may come with.
        client.setHttpClientBuilder(HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1));
        client.updateBaseUri(url);
        client.setRequestInterceptor(request -> request.header("Authorization", "Bearer " + key));
        return client;
    }

    public static void main(String[] words) throws Exception {
        OffsetDateTime created = OffsetDateTime.parse("1970-01-10T00:00:00Z");
        Interaction call = new Interaction()
            .occurredAt(OffsetDateTime.parse("1970-01-30T00:00:00Z"))
            .kind("price_question");
        Lead lead = new Lead()
            .leadId("L-1")
            .createdAt(created)
            .asOf(OffsetDateTime.parse("1970-02-01T00:00:00Z"))
            .attributes(new Attributes().country("it").companySize(new java.math.BigDecimal("40")))
            .interactions(List.of(call));
        Lead early = new Lead()
            .leadId("L-2")
            .createdAt(created)
            .asOf(OffsetDateTime.parse("1970-01-09T00:00:00Z"));
        ScoreApi scores = new ScoreApi(asked(words[0], words[1]));
        ScoredLead score = scores.score(lead, 2, null, null);
        BatchAnswer batch = scores.scoreBatch(new Batch().leads(List.of(lead, early)), null, null, null);
        List<String> results = new ArrayList<>();
        String code = null;
        for (BatchResult result : batch.getResults()) {
            if (result.getActualInstance() instanceof Problem problem) {
                results.add(problem.getResult().toString());
                code = problem.getErrors().get(0).getCode();
            } else {
                results.add(result.getScoredLead().getResult().toString());
            }
        }
        List<Object> refused = null;
        try {
            new ScoreApi(asked(words[0], words[2])).score(lead, null, null, null);
        } catch (ApiException error) {
            String problem = new ObjectMapper().readTree(error.getResponseBody()).get("code").asText();
            refused = List.of(error.getCode(), problem);
        }
        ContractAnswer contract = new ContractApi(asked(words[0], words[1])).showContract();
        Map<String, Object> told = new LinkedHashMap<>();
        told.put("band", score.getBand().toString());
        told.put("hot_probability", score.getHotProbability());
        told.put("reasons", score.getReasons().size());
        told.put("results", results);
        told.put("code", code);
        told.put("refused", refused);
        told.put("contract", contract.getVersion());
        told.put("kind", contract.getNames().get("attributes.company_size").getKind().toString());
        System.out.println(new ObjectMapper().writeValueAsString(told));
    }
}
