import AssayBase
import AssayModel
import AssayText

/// What OpenAI's and vLLM's requests may say that is taken only where it asks for nothing.
extension TextRequest {
  /// Whether a value is null or empty.
  static func asksNothing(_ value: JSONValue) -> Bool {
    value.isNull || value.array?.isEmpty ?? false || value.members?.isEmpty ?? false
  }

  /// Refuses what would change texts in ways that nothing here does.
  ///
  /// - Throws: `ServeError.unsupported`.
  static func refuseOthers(
    _ fields: inout RequestFields,
    _ exchange: Exchange
  ) throws(ServeError) {
    func isZero(_ value: JSONValue) -> Bool { value.double == 0 }
    func isOne(_ value: JSONValue) -> Bool { value.double == 1 }
    func isFalse(_ value: JSONValue) -> Bool { value == false }
    func isTrue(_ value: JSONValue) -> Bool { value == true }
    // Without tools, who may choose them chooses none.
    func isNoChoice(_ value: JSONValue) -> Bool { ["none", "auto"].contains(value.string) }
    let noTools = "the template has no tools; leave it out"
    try fields.refuse("tools", unless: asksNothing, noTools)
    try fields.refuse("functions", unless: asksNothing, noTools)
    try fields.refuse("tool_choice", unless: isNoChoice, "there are no tools")
    try fields.refuse("function_call", unless: isNoChoice, "there are no tools")
    try fields.refuse(
      "modalities",
      unless: { $0.array?.allSatisfy { $0.string == "text" } ?? false },
      "only texts are written"
    )
    // A variable that the template does not read changes nothing.
    let template = exchange.model.text.renderer.template.jinja
    func isUnread(_ name: String) -> Bool { !template.contains(name) }
    try fields.refuse(
      "chat_template_kwargs",
      unless: { $0.members?.allSatisfy { isUnread($0.key) } ?? false },
      "the template's variables cannot be set"
    )
    for name in ["reasoning_effort", "verbosity"] {
      try fields.refuse(name, unless: { _ in isUnread(name) }, "the template's is used")
    }
    try fields.refuse("best_of", unless: isOne, "ask for several with 'n'")
    try fields.refuse("use_beam_search", unless: isFalse, "texts are drawn")
    try fields.refuse("length_penalty", unless: isOne, "it belongs to beam search")
    try fields.refuse("ignore_eos", unless: isFalse, "a text ends where the model ends it")
    try fields.refuse("min_tokens", unless: isZero, "a text ends where the model ends it")
    try fields.refuse("skip_special_tokens", unless: isTrue, "texts have none")
    try fields.refuse("echo", unless: isFalse, "the prompt is not repeated")
    try fields.refuse("add_generation_prompt", unless: isTrue, "a turn of its own is written")
    try fields.refuse("continue_final_message", unless: isFalse, "a turn of its own is written")
    try fields.refuse("frequency_penalty", unless: isZero, "use 'repetition_penalty'")
    try fields.refuse("presence_penalty", unless: isZero, "use 'repetition_penalty'")
    try fields.refuse("logit_bias", unless: asksNothing, "tokens cannot be biased; leave it out")
    try fields.refuse("min_p", unless: isZero, "use 'top_p' or 'top_k'")
    try refuseServers(&fields)
    fields.ignore(
      "cache_salt",
      "priority",
      "rid",
      "separate_reasoning",
      "stream_reasoning",
      "include_reasoning",
      "user",
      "metadata",
      "store",
      "service_tier",
      "safety_identifier",
      "prompt_cache_key",
      "parallel_tool_calls",
      "request_id"
    )
  }

  /// As `refuseOthers`, of what vLLM's and SGLang's servers alone have.
  private static func refuseServers(_ fields: inout RequestFields) throws(ServeError) {
    for name in [
      "include_stop_str_in_output", "return_token_ids", "return_tokens_as_token_ids",
      "no_stop_trim",
      "return_hidden_states",
    ] {
      try fields.refuse(name, unless: { $0 == false }, "answers have no such part")
    }
    for name in ["spaces_between_special_tokens", "detokenize"] {
      try fields.refuse(name, unless: { $0 == true }, "texts have no special tokens")
    }
    for name in [
      "stop_token_ids", "bad_words", "allowed_token_ids", "logits_processors", "vllm_xargs",
      "documents",
      "mm_processor_kwargs", "extra_body",
    ] {
      try fields.refuse(
        name,
        unless: asksNothing,
        "it changes texts in ways that nothing here does"
      )
    }
    // Of these null alone asks for nothing.
    for name in [
      "prompt_logprobs", "truncate_prompt_tokens", "chat_template", "prediction", "audio",
      "web_search_options", "kv_transfer_params", "thinking_budget",
    ] {
      try fields.refuse(name, "leave it out")
    }
  }
}
