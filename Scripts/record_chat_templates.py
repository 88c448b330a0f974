"""Records what transformers makes of chat templates, for JinjaTemplateTests.

The templates are written here, in the manner of the model families that they are named after: they
use the same constructs and copy no published text. Each is rendered with conversations by
`render_jinja_template`, which is what `apply_chat_template` calls, at a fixed time.

    pip install transformers==5.24.0 jinja2==3.1.6
    python Scripts/record_chat_templates.py Tests/AssayTextTests/Fixtures/chat-templates.json
"""

import datetime
import json
import os
import sys

os.environ["TZ"] = "UTC"

import jinja2
import transformers
from transformers.utils import chat_template_utils

# 2024-07-26 13:20:00 UTC
NOW = 1722000000

TEMPLATES = {}


def family(name, text, **options):
    TEMPLATES[name] = {"template": text, **options}


TOKENS = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}

family(
    "chatml",
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content']"
    " + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}"
    "{{ '<|im_start|>assistant\n' }}{% endif %}",
)
family(
    "qwen2",
    """{%- if messages[0].role != 'system' -%}
<|im_start|>system
You are helpful.<|im_end|>
{% endif -%}
{%- for m in messages %}
    {{- '<|im_start|>' ~ m.role ~ '\\n' ~ m.content ~ '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}
""",
)
family(
    "qwen2.5-tools",
    """{%- if tools %}
    {{- '<|im_start|>system\\n' }}
    {%- if messages[0]['role'] == 'system' %}
        {{- messages[0]['content'] }}
    {%- else %}
        {{- 'You are a helper.' }}
    {%- endif %}
    {{- "\\n\\n# Tools\\n\\nFunctions within <tools></tools>:\\n<tools>" }}
    {%- for tool in tools %}
        {{- "\\n" }}
        {{- tool | tojson }}
    {%- endfor %}
    {{- "\\n</tools><|im_end|>\\n" }}
{%- else %}
    {%- if messages[0]['role'] == 'system' %}
        {{- '<|im_start|>system\\n' + messages[0]['content'] + '<|im_end|>\\n' }}
    {%- endif %}
{%- endif %}
{%- for message in messages %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) or (message.role == "assistant" and not message.tool_calls) %}
        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}
    {%- elif message.role == "assistant" %}
        {{- '<|im_start|>' + message.role }}
        {%- if message.content %}
            {{- '\\n' + message.content }}
        {%- endif %}
        {%- for tool_call in message.tool_calls %}
            {%- if tool_call.function is defined %}
                {%- set tool_call = tool_call.function %}
            {%- endif %}
            {{- '\\n<tool_call>\\n{"name": "' }}
            {{- tool_call.name }}
            {{- '", "arguments": ' }}
            {{- tool_call.arguments | tojson }}
            {{- '}\\n</tool_call>' }}
        {%- endfor %}
        {{- '<|im_end|>\\n' }}
    {%- elif message.role == "tool" %}
        {%- if (loop.index0 == 0) or (messages[loop.index0 - 1].role != "tool") %}
            {{- '<|im_start|>user' }}
        {%- endif %}
        {{- '\\n<tool_response>\\n' }}
        {{- message.content }}
        {{- '\\n</tool_response>' }}
        {%- if loop.last or (messages[loop.index0 + 1].role != "tool") %}
            {{- '<|im_end|>\\n' }}
        {%- endif %}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
{%- endif %}
""",
)
family(
    "qwen3",
    """{%- if messages[0].role == 'system' %}
    {{- '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' }}
{%- endif %}
{%- set ns = namespace(multi_step_tool=true, last_query_index=messages|length - 1) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if ns.multi_step_tool and message.role == "user" and message.content is string and not(message.content.startswith('<tool_response>') and message.content.endswith('</tool_response>')) %}
        {%- set ns.multi_step_tool = false %}
        {%- set ns.last_query_index = index %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- if message.content is string %}
        {%- set content = message.content %}
    {%- else %}
        {%- set content = '' %}
    {%- endif %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) %}
        {{- '<|im_start|>' + message.role + '\\n' + content + '<|im_end|>' + '\\n' }}
    {%- elif message.role == "assistant" %}
        {%- set reasoning_content = '' %}
        {%- if message.reasoning_content is string %}
            {%- set reasoning_content = message.reasoning_content %}
        {%- else %}
            {%- if '</think>' in content %}
                {%- set reasoning_content = content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}
                {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
            {%- endif %}
        {%- endif %}
        {%- if loop.index0 > ns.last_query_index %}
            {%- if loop.last or (not loop.last and reasoning_content) %}
                {{- '<|im_start|>' + message.role + '\\n<think>\\n' + reasoning_content.strip('\\n') + '\\n</think>\\n\\n' + content.lstrip('\\n') }}
            {%- else %}
                {{- '<|im_start|>' + message.role + '\\n' + content }}
            {%- endif %}
        {%- else %}
            {{- '<|im_start|>' + message.role + '\\n' + content }}
        {%- endif %}
        {%- if message.tool_calls %}
            {%- for tool_call in message.tool_calls %}
                {%- if (loop.first and content) or (not loop.first) %}{{- '\\n' }}{%- endif %}
                {%- if tool_call.function %}{%- set tool_call = tool_call.function %}{%- endif %}
                {{- '<tool_call>\\n{"name": "' + tool_call.name + '", "arguments": ' }}
                {%- if tool_call.arguments is string %}
                    {{- tool_call.arguments }}
                {%- else %}
                    {{- tool_call.arguments | tojson }}
                {%- endif %}
                {{- '}\\n</tool_call>' }}
            {%- endfor %}
        {%- endif %}
        {{- '<|im_end|>\\n' }}
    {%- elif message.role == "tool" %}
        {{- '<|im_start|>user\\n<tool_response>\\n' + content + '\\n</tool_response><|im_end|>\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- '<think>\\n\\n</think>\\n\\n' }}
    {%- endif %}
{%- endif %}""",
)
family(
    "llama-2",
    "{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}"
    "{% set system_message = messages[0]['content'] %}{% else %}{% set loop_messages = messages %}"
    "{% set system_message = false %}{% endif %}{% for message in loop_messages %}"
    "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Roles must alternate user/assistant/user/assistant/...') }}{% endif %}"
    "{% if loop.index0 == 0 and system_message != false %}"
    "{% set content = '<<SYS>>\\n' + system_message + '\\n<</SYS>>\\n\\n' + message['content'] %}"
    "{% else %}{% set content = message['content'] %}{% endif %}"
    "{% if message['role'] == 'user' %}{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}"
    "{% elif message['role'] == 'assistant' %}{{ ' ' + content.strip() + ' ' + eos_token }}"
    "{% endif %}{% endfor %}",
)
family(
    "llama-3",
    "{% set loop_messages = messages %}{% for message in loop_messages %}{% set content ="
    " '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'+ message['content'] | trim"
    " + '<|eot_id|>' %}{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}"
    "{{ content }}{% endfor %}{% if add_generation_prompt %}"
    "{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}",
)
family(
    "llama-3.1",
    """{{- bos_token }}
{%- if custom_tools is defined %}
    {%- set tools = custom_tools %}
{%- endif %}
{%- if not tools_in_user_message is defined %}
    {%- set tools_in_user_message = true %}
{%- endif %}
{%- if not date_string is defined %}
    {%- if strftime_now is defined %}
        {%- set date_string = strftime_now("%d %b %Y") %}
    {%- else %}
        {%- set date_string = "26 Jul 2024" %}
    {%- endif %}
{%- endif %}
{%- if not tools is defined %}
    {%- set tools = none %}
{%- endif %}

{#- The system turn is there always. #}
{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content']|trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system_message = "" %}
{%- endif %}
{{- "<|start_header_id|>system<|end_header_id|>\\n\\n" }}
{%- if tools is not none %}
    {{- "Environment: ipython\\n" }}
{%- endif %}
{{- "Cutting Knowledge Date: December 2023\\n" }}
{{- "Today Date: " + date_string + "\\n\\n" }}
{%- if tools is not none and not tools_in_user_message %}
    {%- for t in tools %}
        {{- t | tojson(indent=4) }}
        {{- "\\n\\n" }}
    {%- endfor %}
{%- endif %}
{{- system_message }}
{{- "<|eot_id|>" }}
{%- if tools_in_user_message and not tools is none %}
    {%- if messages | length != 0 %}
        {%- set first_user_message = messages[0]['content']|trim %}
        {%- set messages = messages[1:] %}
    {%- else %}
        {{- raise_exception("Cannot put tools in the first user message when there is none!") }}
{%- endif %}
    {{- '<|start_header_id|>user<|end_header_id|>\\n\\n' -}}
    {{- "Given the following functions, answer with JSON.\\n\\n" }}
    {%- for t in tools %}
        {{- t | tojson(indent=4) }}
        {{- "\\n\\n" }}
    {%- endfor %}
    {{- first_user_message + "<|eot_id|>"}}
{%- endif %}
{%- for message in messages %}
    {%- if not (message.role == 'ipython' or message.role == 'tool' or 'tool_calls' in message) %}
        {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'+ message['content'] | trim + '<|eot_id|>' }}
    {%- elif 'tool_calls' in message %}
        {%- if not message.tool_calls|length == 1 %}
            {{- raise_exception("This model only supports single tool-calls at once!") }}
        {%- endif %}
        {%- set tool_call = message.tool_calls[0].function %}
        {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' -}}
        {{- '{"name": "' + tool_call.name + '", ' }}
        {{- '"parameters": ' }}
        {{- tool_call.arguments | tojson }}
        {{- "}" }}
        {{- "<|eot_id|>" }}
    {%- elif message.role == "tool" or message.role == "ipython" %}
        {{- "<|start_header_id|>ipython<|end_header_id|>\\n\\n" }}
        {%- if message.content is mapping or message.content is iterable %}
            {{- message.content | tojson }}
        {%- else %}
            {{- message.content }}
        {%- endif %}
        {{- "<|eot_id|>" }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}
{%- endif %}
""",
)
family(
    "mistral-v1",
    "{{ bos_token }}{% for message in messages %}{% if (message['role'] == 'user') !="
    " (loop.index0 % 2 == 0) %}{{ raise_exception('Conversation roles must alternate') }}"
    "{% endif %}{% if message['role'] == 'user' %}{{ '[INST] ' + message['content'] + ' [/INST]' }}"
    "{% elif message['role'] == 'assistant' %}{{ message['content'] + eos_token + ' ' }}"
    "{% else %}{{ raise_exception('Only user and assistant roles are supported!') }}{% endif %}"
    "{% endfor %}",
)
family(
    "mistral-v3-tools",
    """{%- if messages[0]["role"] == "system" %}
    {%- set system_message = messages[0]["content"] %}
    {%- set loop_messages = messages[1:] %}
{%- else %}
    {%- set loop_messages = messages %}
{%- endif %}
{%- if not tools is defined %}
    {%- set tools = none %}
{%- endif %}
{%- set user_messages = loop_messages | selectattr("role", "equalto", "user") | list %}
{%- set ns = namespace() %}
{%- set ns.index = 0 %}
{%- for message in loop_messages %}
    {%- if not (message.role == "tool" or message.role == "tool_results" or (message.tool_calls is defined and message.tool_calls is not none)) %}
        {%- if (message["role"] == "user") != (ns.index % 2 == 0) %}
            {{- raise_exception("After the optional system message, roles must alternate") }}
        {%- endif %}
        {%- set ns.index = ns.index + 1 %}
    {%- endif %}
{%- endfor %}
{{- bos_token }}
{%- for message in loop_messages %}
    {%- if message["role"] == "user" %}
        {%- if tools is not none and (message == user_messages[-1]) %}
            {{- "[AVAILABLE_TOOLS] [" }}
            {%- for tool in tools %}
                {%- set tool = tool.function %}
                {{- '{"type": "function", "function": {' }}
                {%- for key, val in tool.items() if key != "return" %}
                    {%- if val is string %}
                        {{- '"' + key + '": "' + val + '"' }}
                    {%- else %}
                        {{- '"' + key + '": ' + val|tojson }}
                    {%- endif %}
                    {%- if not loop.last %}
                        {{- ", " }}
                    {%- endif %}
                {%- endfor %}
                {{- "}}" }}
                {%- if not loop.last %}
                    {{- ", " }}
                {%- else %}
                    {{- "]" }}
                {%- endif %}
            {%- endfor %}
            {{- "[/AVAILABLE_TOOLS]" }}
        {%- endif %}
        {%- if loop.last and system_message is defined %}
            {{- "[INST] " + system_message + "\\n\\n" + message["content"] + "[/INST]" }}
        {%- else %}
            {{- "[INST] " + message["content"] + "[/INST]" }}
        {%- endif %}
    {%- elif message.tool_calls is defined and message.tool_calls is not none %}
        {{- "[TOOL_CALLS] [" }}
        {%- for tool_call in message.tool_calls %}
            {%- set out = tool_call.function|tojson %}
            {{- out[:-1] }}
            {%- if not tool_call.id is defined or tool_call.id|length != 9 %}
                {{- raise_exception("Tool call IDs should be alphanumeric strings with length 9!") }}
            {%- endif %}
            {{- ', "id": "' + tool_call.id + '"}' }}
            {%- if not loop.last %}{{- ", " }}{%- else %}{{- "]" + eos_token }}{%- endif %}
        {%- endfor %}
    {%- elif message["role"] == "assistant" %}
        {{- " " + message["content"]|trim + eos_token}}
    {%- elif message["role"] == "tool_results" or message["role"] == "tool" %}
        {%- if message.content is defined and message.content.content is defined %}
            {%- set content = message.content.content %}
        {%- else %}
            {%- set content = message.content %}
        {%- endif %}
        {{- '[TOOL_RESULTS] {"content": ' + content|string + ", " }}
        {{- '"call_id": "' + message.tool_call_id + '"}[/TOOL_RESULTS]' }}
    {%- else %}
        {{- raise_exception("Only user and assistant roles are supported!") }}
    {%- endif %}
{%- endfor %}
""",
)
family(
    "mistral-tekken",
    """{%- set today = strftime_now("%Y-%m-%d") %}
{%- set default_system = "You are M. The current date is " + today + "." %}
{{- bos_token }}
{%- if messages[0]['role'] == 'system' %}
    {%- if messages[0]['content'] is string %}
        {%- set system_message = messages[0]['content'] %}
    {%- else %}
        {%- set system_message = messages[0]['content'][0]['text'] %}
    {%- endif %}
    {%- set loop_messages = messages[1:] %}
{%- else %}
    {%- set system_message = default_system %}
    {%- set loop_messages = messages %}
{%- endif %}
{{- '[SYSTEM_PROMPT]' + system_message + '[/SYSTEM_PROMPT]' }}
{%- for message in loop_messages %}
    {%- if message['role'] == 'user' %}
        {%- if message['content'] is string %}
            {{- '[INST]' + message['content'] + '[/INST]' }}
        {%- else %}
            {{- '[INST]' }}
            {%- for block in message['content'] %}
                {%- if block['type'] == 'text' %}
                    {{- block['text'] }}
                {%- elif block['type'] in ['image', 'image_url'] %}
                    {{- '[IMG]' }}
                {%- else %}
                    {{- raise_exception('Only text and image blocks are supported in message content!') }}
                {%- endif %}
            {%- endfor %}
            {{- '[/INST]' }}
        {%- endif %}
    {%- elif message['role'] == 'assistant' %}
        {{- (message['content'] if message['content'] is string else '') + eos_token }}
    {%- elif message['role'] == 'system' %}
        {{- '[SYSTEM_PROMPT]' + message['content'] + '[/SYSTEM_PROMPT]' }}
    {%- else %}
        {{- raise_exception('Only user, system and assistant roles are supported!') }}
    {%- endif %}
{%- endfor %}""",
)
family(
    "gemma",
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not"
    " supported') }}{% endif %}{% for message in messages %}{% if (message['role'] == 'user') !="
    " (loop.index0 % 2 == 0) %}{{ raise_exception('Conversation roles must alternate') }}{% endif"
    " %}{% if (message['role'] == 'assistant') %}{% set role = 'model' %}{% else %}{% set role ="
    " message['role'] %}{% endif %}{{ '<start_of_turn>' + role + '\n' + message['content'] | trim +"
    " '<end_of_turn>\n' }}{% endfor %}{% if add_generation_prompt %}{{'<start_of_turn>model\n'}}"
    "{% endif %}",
)
family(
    "gemma-3",
    """{{ bos_token }}
{%- if messages[0]['role'] == 'system' -%}
    {%- if messages[0]['content'] is string -%}
        {%- set first_user_prefix = messages[0]['content'] + '

' -%}
    {%- else -%}
        {%- set first_user_prefix = messages[0]['content'][0]['text'] + '

' -%}
    {%- endif -%}
    {%- set loop_messages = messages[1:] -%}
{%- else -%}
    {%- set first_user_prefix = "" -%}
    {%- set loop_messages = messages -%}
{%- endif -%}
{%- for message in loop_messages -%}
    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) -%}
        {{ raise_exception("Conversation roles must alternate user/assistant/user/assistant/...") }}
    {%- endif -%}
    {%- if (message['role'] == 'assistant') -%}
        {%- set role = "model" -%}
    {%- else -%}
        {%- set role = message['role'] -%}
    {%- endif -%}
    {{ '<start_of_turn>' + role + '
' + (first_user_prefix if loop.first else "") }}
    {%- if message['content'] is string -%}
        {{ message['content'] | trim }}
    {%- elif message['content'] is iterable -%}
        {%- for item in message['content'] -%}
            {%- if item['type'] == 'image' -%}
                {{ '<start_of_image>' }}
            {%- elif item['type'] == 'text' -%}
                {{ item['text'] | trim }}
            {%- endif -%}
        {%- endfor -%}
    {%- else -%}
        {{ raise_exception("Invalid content type") }}
    {%- endif -%}
    {{ '<end_of_turn>
' }}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{'<start_of_turn>model
'}}
{%- endif -%}
""",
)
family(
    "phi-3",
    "{% for message in messages %}{% if message['role'] == 'system' %}{{'<|system|>\n' +"
    " message['content'] + '<|end|>\n'}}{% elif message['role'] == 'user' %}{{'<|user|>\n' +"
    " message['content'] + '<|end|>\n'}}{% elif message['role'] == 'assistant' %}{{'<|assistant|>\n'"
    " + message['content'] + '<|end|>\n'}}{% endif %}{% endfor %}{% if add_generation_prompt %}"
    "{{ '<|assistant|>\n' }}{% else %}{{ eos_token }}{% endif %}",
)
family(
    "phi-4-mini",
    "{% for message in messages %}{% if message['role'] == 'system' and 'tools' in message and"
    " message['tools'] is not none %}{{ '<|' + message['role'] + '|>' + message['content'] +"
    " '<|tool|>' + message['tools'] + '<|/tool|>' + '<|end|>' }}{% else %}{{ '<|' + message['role']"
    " + '|>' + message['content'] + '<|end|>' }}{% endif %}{% endfor %}{% if add_generation_prompt"
    " %}{{ '<|assistant|>' }}{% else %}{{ eos_token }}{% endif %}",
)
family(
    "deepseek-r1",
    "{% if not add_generation_prompt is defined %}{% set add_generation_prompt = false %}{% endif %}"
    "{% set ns = namespace(is_first=false, is_tool=false, is_output_first=true, system_prompt='',"
    " is_first_sp=true) %}{%- for message in messages %}{%- if message['role'] == 'system' %}"
    "{%- if ns.is_first_sp %}{% set ns.system_prompt = ns.system_prompt + message['content'] %}"
    "{% set ns.is_first_sp = false %}{%- else %}{% set ns.system_prompt = ns.system_prompt +"
    " '\\n\\n' + message['content'] %}{%- endif %}{%- endif %}{%- endfor %}{{ bos_token }}"
    "{{ ns.system_prompt }}{%- for message in messages %}{%- if message['role'] == 'user' %}"
    "{%- set ns.is_tool = false -%}{{'<|User|>' + message['content']}}{%- endif %}"
    "{%- if message['role'] == 'assistant' and 'tool_calls' in message %}{%- set ns.is_tool = false"
    " -%}{%- for tool in message['tool_calls'] %}{%- if not ns.is_first %}"
    "{%- if 'content' not in message %}{{'<|Assistant|><|calls_begin|>' + tool['function']['name']"
    " + '\\n' + '```json' + '\\n' + tool['function']['arguments']|tojson + '\\n' + '```'}}"
    "{%- else %}{{'<|Assistant|>' + message['content'] + '<|calls_begin|>' +"
    " tool['function']['name'] + tool['function']['arguments']|tojson}}{%- endif %}"
    "{%- set ns.is_first = true -%}{%- else %}{{'\\n' + tool['function']['name']}}{%- endif %}"
    "{%- endfor %}{{'<|end|>'}}{%- endif %}{%- if message['role'] == 'assistant' and 'tool_calls'"
    " not in message %}{%- if ns.is_tool %}{{'<|outputs_end|>' + message['content'] + eos_token}}"
    "{%- set ns.is_tool = false -%}{%- else %}{% set content = message['content'] %}"
    "{% if '</think>' in content %}{% set content = content.split('</think>')[-1] %}{% endif %}"
    "{{'<|Assistant|>' + content + eos_token}}{%- endif %}{%- endif %}"
    "{%- if message['role'] == 'tool' %}{%- set ns.is_tool = true -%}{%- if ns.is_output_first %}"
    "{{'<|outputs_begin|>' + message['content']}}{%- set ns.is_output_first = false %}{%- else %}"
    "{{'\\n<|output|>' + message['content']}}{%- endif %}{%- endif %}{%- endfor -%}"
    "{% if ns.is_tool %}{{'<|outputs_end|>'}}{% endif %}{% if add_generation_prompt and not"
    " ns.is_tool %}{{'<|Assistant|><think>\\n'}}{% endif %}",
)
family(
    "command-r",
    """{{ bos_token }}{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}{% set system_message = messages[0]['content'] %}{% elif false == true %}{% set loop_messages = messages %}{% set system_message = 'You are Command.' %}{% else %}{% set loop_messages = messages %}{% set system_message = false %}{% endif %}{% if system_message != false %}{{ '<|START_OF_TURN_TOKEN|><|SYSTEM_TOKEN|>' + system_message + '<|END_OF_TURN_TOKEN|>' }}{% endif %}
{%- if documents %}{{ '<|START_OF_TURN_TOKEN|><|SYSTEM_TOKEN|><results>' }}{% for document in documents %}{{ '
Document: ' }}{{ loop.index0 }}
{% for key, value in document.items() %}{{ key }}: {{value}}
{% endfor %}{% endfor %}{{ '</results><|END_OF_TURN_TOKEN|>' }}{% endif %}
{%- for message in loop_messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Conversation roles must alternate') }}{% endif %}{% set content = message['content'] %}{% if message['role'] == 'user' %}{{ '<|START_OF_TURN_TOKEN|><|USER_TOKEN|>' + content.strip() + '<|END_OF_TURN_TOKEN|>' }}{% elif message['role'] == 'assistant' %}{{ '<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>' + content.strip() + '<|END_OF_TURN_TOKEN|>' }}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>' }}{% endif %}""",
)
family(
    "command-r-tools",
    """{%- macro json_to_python_type(json_spec) %}
{%- set basic_type_map = {
    "string": "str",
    "number": "float",
    "integer": "int",
    "boolean": "bool"
} %}
{%- if basic_type_map[json_spec.type] is defined %}
    {{- basic_type_map[json_spec.type] }}
{%- elif json_spec.type == "array" %}
    {{- "List[" + json_to_python_type(json_spec['items']) + "]"}}
{%- elif json_spec.type == "object" %}
    {{- "Dict[str, " + json_to_python_type(json_spec.additionalProperties) + ']'}}
{%- elif json_spec.type is iterable and json_spec.type is not string %}
    {{- "Union[" }}
    {%- for t in json_spec.type %}
      {{- json_to_python_type({"type": t}) }}
      {%- if not loop.last %}
        {{- "," }}
    {%- endif %}
    {%- endfor %}
    {{- "]" }}
{%- else %}
    {{- "Any" }}
{%- endif %}
{%- endmacro %}

{%- macro signature(tool) %}
def {{ tool.name }}(
    {%- for param_name, param in tool.parameters.properties.items() -%}
        {{ param_name }}: {% if param_name not in tool.parameters.required %}Optional[{{ json_to_python_type(param) }}] = None{% else %}{{ json_to_python_type(param) }}{% endif %}
        {%- if not loop.last %}, {% endif %}
    {%- endfor %}) -> List[Dict]:
    \"\"\"{{ tool.description }}
    {%- if tool.parameters.properties %}

    Args:
        {% for param_name, param in tool.parameters.properties.items() %}
        {{ param_name }} ({{ json_to_python_type(param) }}): {{ param.description | default("", true) }}
        {% endfor %}
    {%- endif %}

    \"\"\"
    pass
{%- endmacro %}
{{ bos_token }}
{%- for tool in tools or [] %}
{{ signature(tool.function) }}
{% endfor %}
{%- for m in messages %}{{ '<|' ~ m.role|upper ~ '|>' ~ (m.content or '')|string|trim }}{% endfor %}
{%- if add_generation_prompt %}<|CHATBOT|>{% endif %}""",
)
family(
    "granite-3",
    """{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content'] %}
    {%- set loop_messages = messages[1:] %}
{%- else %}
    {%- set system_message = "Knowledge Cutoff Date: April 2024.\\nToday's Date: " + strftime_now('%B %d, %Y') + ".\\nYou are Granite." %}
    {%- if tools and documents %}
        {%- set system_message = system_message + " Use tools and documents." %}
    {%- elif tools %}
        {%- set system_message = system_message + " Use tools." %}
    {%- elif documents %}
        {%- set system_message = system_message + " Use documents." %}
    {%- endif %}
    {%- set loop_messages = messages %}
{%- endif %}
{{- '<|start_of_role|>system<|end_of_role|>' + system_message + '<|end_of_text|>\\n' }}
{%- if tools %}
    {{- '<|start_of_role|>tools<|end_of_role|>' }}
    {{- tools | tojson(indent=4) }}
    {{- '<|end_of_text|>\\n' }}
{%- endif %}
{%- if documents %}
    {{- '<|start_of_role|>documents<|end_of_role|>' }}
    {%- for document in documents %}
        {{- 'Document ' + loop.index | string + '\\n' }}
        {{- document['text'] }}
        {%- if not loop.last %}
            {{- '\\n\\n'}}
        {%- endif%}
    {%- endfor %}
    {{- '<|end_of_text|>\\n' }}
{%- endif %}
{%- for message in loop_messages %}
    {{- '<|start_of_role|>' + message['role'] + '<|end_of_role|>' + (message['content'] or '') + '<|end_of_text|>\\n' }}
    {%- if loop.last and add_generation_prompt %}
        {{- '<|start_of_role|>assistant' }}
        {%- if controls %}
            {{- ' ' + controls | tojson()}}
        {%- endif %}
        {{- '<|end_of_role|>' }}
    {%- endif %}
{%- endfor %}""",
)
family(
    "olmo-2",
    "{{ bos_token }}{% for message in messages %}{% if message['role'] == 'system' %}{{ '<|system|>\n'"
    " + message['content'] + '\n' }}{% elif message['role'] == 'user' %}{{ '<|user|>\n' +"
    " message['content'] + '\n' }}{% elif message['role'] == 'assistant' %}{% if not loop.last %}"
    "{{ '<|assistant|>\n'  + message['content'] + eos_token + '\n' }}{% else %}{{ '<|assistant|>\n' "
    " + message['content'] + eos_token }}{% endif %}{% endif %}{% if loop.last and"
    " add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}{% endfor %}",
)
family(
    "smollm3",
    """{#- default values -#}
{%- if enable_thinking is not defined -%}
{%- set enable_thinking = true -%}
{%- endif -%}
{%- if messages[0].role == "system" -%}
  {%- set system_message = messages[0].content -%}
  {%- if "/no_think" in system_message -%}
    {%- set reasoning_mode = "/no_think" -%}
  {%- elif "/think" in system_message -%}
    {%- set reasoning_mode = "/think" -%}
  {%- endif -%}
  {%- set custom_instructions = system_message.replace("/no_think", "").replace("/think", "").rstrip() -%}
{%- endif -%}
{%- if reasoning_mode is not defined -%}
  {%- set reasoning_mode = "/think" if enable_thinking else "/no_think" -%}
{%- endif -%}
{{- "<|im_start|>system\\n" -}}
{%- if "/system_override" in (system_message or "") -%}
  {{- custom_instructions.replace("/system_override", "").rstrip() -}}
  {{- "<|im_end|>\\n" -}}
{%- else -%}
  {{- "## Metadata\\n\\nToday Date: " -}}{{- strftime_now("%d %B %Y") -}}{{- "\\nReasoning Mode: " + reasoning_mode + "\\n\\n" -}}
  {%- if custom_instructions -%}{{- custom_instructions + "\\n\\n" -}}{%- else -%}{{- "You are a helpful AI.\\n\\n" -}}{%- endif -%}
  {%- if tools -%}
    {{- "### Tools\\n\\n" -}}
    {%- set ns = namespace(text="<tools>\\n") -%}
    {%- for tool in tools -%}{%- set ns.text = ns.text ~ (tool | string) ~ "\\n" -%}{%- endfor -%}
    {{- ns.text + "</tools>" + "\\n\\n" -}}
  {%- endif -%}
  {{- "<|im_end|>\\n" -}}
{%- endif -%}
{%- for message in messages -%}
  {%- set content = message.content if message.content is string else "" -%}
  {%- if message.role == "user" -%}
    {{ "<|im_start|>" + message.role + "\\n"  + content + "<|im_end|>\\n" }}
  {%- elif message.role == "assistant" -%}
    {% generation %}
    {%- if reasoning_mode == "/think" -%}
      {{ "<|im_start|>assistant\\n" + content.lstrip("\\n") + "<|im_end|>\\n" }}
    {%- else -%}
      {{ "<|im_start|>assistant\\n" + "<think>\\n\\n</think>\\n" + content.lstrip("\\n") + "<|im_end|>\\n" }}
    {%- endif -%}
    {% endgeneration %}
  {%- elif message.role == "tool" -%}
    {{ "<|im_start|>" + "user\\n"  + content + "<|im_end|>\\n" }}
  {%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}
  {{ "<|im_start|>assistant\\n" if reasoning_mode == "/think" else "<|im_start|>assistant\\n<think>\\n\\n</think>\\n" }}
{%- endif -%}
""",
)
family(
    "internlm2",
    "{{ bos_token }}{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' +"
    " message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}"
    "{{ '<|im_start|>assistant\n' }}{% endif %}",
)
family(
    "zephyr",
    "{% for message in messages %}\n{% if message['role'] == 'user' %}\n{{ '<|user|>\n' +"
    " message['content'] + eos_token }}\n{% elif message['role'] == 'system' %}\n{{ '<|system|>\n' +"
    " message['content'] + eos_token }}\n{% elif message['role'] == 'assistant' %}\n"
    "{{ '<|assistant|>\n'  + message['content'] + eos_token }}\n{% endif %}\n{% if loop.last and"
    " add_generation_prompt %}\n{{ '<|assistant|>' }}\n{% endif %}\n{% endfor %}",
)
family(
    "vicuna",
    """{%- if messages[0].role == 'system' -%}{{ messages[0].content ~ ' ' }}{%- set rest = messages[1:] -%}
{%- else -%}A chat between a curious user and an artificial intelligence assistant. {% set rest = messages -%}{%- endif -%}
{%- for m in rest -%}
{%- if m.role == 'user' -%}USER: {{ m.content }} {% elif m.role == 'assistant' -%}ASSISTANT: {{ m.content }}{{ eos_token }}{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif -%}
""",
)
family(
    "alpaca",
    """{% if messages[0]['role'] == 'system' %}{{ messages[0]['content'] | trim }}

{% endif %}
{% for m in messages if m['role'] != 'system' %}
### {{ 'Instruction' if m['role'] == 'user' else 'Response' }}:
{{ m['content'] | trim }}{{ '' if m['role'] == 'user' else eos_token }}

{% endfor %}
{% if add_generation_prompt %}
### Response:
{% endif %}
""",
)
family(
    "nemotron",
    """{{'<extra_id_0>System'}}{% for message in messages %}{% if message['role'] == 'system' %}{{'\\n' + message['content'].strip()}}{% if tools or contexts %}{{'\\n'}}{% endif %}{% endif %}{% endfor %}{% if tools %}{% for tool in tools %}{{ '\\n<tool> ' + tool|tojson + ' </tool>' }}{% endfor %}{% endif %}{{'\\n\\n'}}{% for message in messages %}{% if message['role'] == 'user' %}{{ '<extra_id_1>User\\n' + message['content'].strip() + '\\n' }}{% elif message['role'] == 'assistant' %}{{ '<extra_id_1>Assistant\\n' + (message['content'] or '').strip() + '\\n' }}{% elif message['role'] == 'tool' %}{{ '<extra_id_1>Tool\\n' + message['content'].strip() + '\\n' }}{% endif %}{% endfor %}{%- if add_generation_prompt %}{{'<extra_id_1>Assistant\\n'}}{%- endif %}""",
)
family(
    "glm-4",
    """[gMASK]<sop>
{%- if tools -%}
<|system|>
You are ChatGLM.

# Tools
{%- for tool in tools %}
    {%- if tool.type == "function" %}


## {{ tool.function.name }}

{{ tool.function | tojson(indent=4) }}
...
    {%- endif %}
{%- endfor %}
{%- endif %}
{%- macro visible_text(content) -%}
    {%- if content is string -%}
        {{- content }}
    {%- elif content is iterable and content is not mapping -%}
        {%- for item in content -%}
            {%- if item is mapping and item.type == 'text' -%}
                {{- item.text }}
            {%- elif item is string -%}
                {{- item }}
            {%- endif -%}
        {%- endfor -%}
    {%- else -%}
        {{- content }}
    {%- endif -%}
{%- endmacro -%}
{%- set ns = namespace(last_user_index=-1) %}
{%- for m in messages %}
    {%- if m.role == 'user' %}
        {% set ns.last_user_index = loop.index0 -%}
    {%- endif %}
{%- endfor %}
{% for m in messages %}
{%- if m.role == 'user' -%}<|user|>
{{ visible_text(m.content) }}
{{- '/nothink' if (enable_thinking is defined and not enable_thinking and not visible_text(m.content).endswith("/nothink")) else '' -}}
{%- elif m.role == 'assistant' -%}
<|assistant|>
{%- set reasoning_content = '' %}
{%- set content = visible_text(m.content) %}
{%- if m.reasoning_content is string %}
    {%- set reasoning_content = m.reasoning_content %}
{%- endif %}
{%- if loop.index0 > ns.last_user_index and reasoning_content -%}
{{ '\\n<think>' + reasoning_content.strip() +  '</think>'}}
{%- else -%}
{{ '\\n<think></think>' }}
{%- endif -%}
{%- if content.strip() -%}
{{ '\\n' + content.strip() }}
{%- endif -%}
{% if m.tool_calls %}
{% for tc in m.tool_calls %}
{%- if tc.function %}
    {%- set tc = tc.function %}
{%- endif %}
{{ '\\n<tool_call>' + tc.name }}
{% set _args = tc.arguments %}
{% for k, v in _args.items() %}
<arg_key>{{ k }}</arg_key>
<arg_value>{{ v | tojson(ensure_ascii=False) if v is not string else v }}</arg_value>
{% endfor %}
</tool_call>{% endfor %}
{% endif %}
{%- elif m.role == 'tool' -%}
{%- if loop.first or (messages[loop.index0 - 1].role != "tool") %}
    {{- '<|observation|>' }}
{%- endif %}
{{- '\\n<tool_response>\\n' }}
{{- m.content }}
{{- '\\n</tool_response>' }}
{%- elif m.role == 'system' -%}
<|system|>
{{ visible_text(m.content) }}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}
    <|assistant|>{{- '\\n<think></think>' if (enable_thinking is defined and not enable_thinking) else '' -}}
{%- endif -%}""",
)
family(
    "yi",
    "{% if not add_generation_prompt is defined %}{% set add_generation_prompt = false %}{% endif %}"
    "{% if messages[0]['role'] == 'system' %}{% set system_message = messages[0]['content'] %}"
    "{% endif %}{% if system_message is defined %}{{ '<|im_start|>system\\n' + system_message +"
    " '<|im_end|>\\n' }}{% endif %}{% for message in messages %}{% set content = message['content']"
    " %}{% if message['role'] == 'user' %}{{ '<|im_start|>user\\n' + content +"
    " '<|im_end|>\\n<|im_start|>assistant\\n' }}{% elif message['role'] == 'assistant' %}{{ content"
    " + '<|im_end|>' + '\\n' }}{% endif %}{% endfor %}",
)
family(
    "falcon",
    "{% for message in messages %}{% if not loop.first %}{{ '\n' }}{% endif %}{% if message['role']"
    " == 'system' %}{{ 'System: ' }}{% elif message['role'] == 'user' %}{{ 'User: ' }}"
    "{% elif message['role'] == 'assistant' %}{{ 'Falcon: ' }}{% endif %}{{ message['content'] |"
    " replace('\r\n', '\n') | replace('\n\n', '\n') }}{% endfor %}{% if add_generation_prompt %}"
    "{{ '\n' + 'Falcon:' }}{% endif %}",
)
family(
    "tulu",
    "{% for message in messages %}{% if message['role'] == 'system' %}{{ '<|system|>\n' +"
    " message['content'] + '\n' }}{% elif message['role'] == 'user' %}{{ '<|user|>\n' +"
    " message['content'] + '\n' }}{% elif message['role'] == 'assistant' %}{{ '<|assistant|>\n' }}"
    "{% generation %}{{ message['content'] + eos_token }}{% endgeneration %}{{ '\n' }}{% endif %}"
    "{% if loop.last and add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}{% endfor %}",
)
family(
    "harmony",
    """{%- macro render_typescript_type(param_spec, required_params, is_nullable=false) -%}
    {%- if param_spec.type == "array" -%}
        {%- if param_spec['items'] -%}
            {{- render_typescript_type(param_spec['items'], required_params) + "[]" }}
        {%- else -%}
            {{- "any[]" }}
        {%- endif -%}
    {%- elif param_spec.type is defined and param_spec.type is iterable and param_spec.type is not string and param_spec.type is not mapping and param_spec.type[0] is defined -%}
        {{- param_spec.type | join(" | ") }}
    {%- elif param_spec.enum -%}
        {{- '"' + param_spec.enum|join('" | "') + '"' -}}
    {%- elif param_spec.type == "object" -%}
        {%- if param_spec.properties -%}
            {{- "{\\n" }}
            {%- for prop_name, prop_spec in param_spec.properties.items() -%}
                {{- prop_name -}}
                {%- if prop_name not in (param_spec.required or []) -%}{{- "?" }}{%- endif -%}
                {{- ": " }}
                {{ render_typescript_type(prop_spec, param_spec.required or []) }}
                {%- if not loop.last -%}{{-", " }}{%- endif -%}
            {%- endfor -%}
            {{- "}" }}
        {%- else -%}
            {{- "object" }}
        {%- endif -%}
    {%- else -%}
        {{- param_spec.type | default("any") -}}{{- " | null" if is_nullable else "" -}}
    {%- endif -%}
{%- endmacro -%}
{%- macro render_tools(name, tools) -%}
    {{- "## " + name + "\\n\\n" }}{{- "namespace " + name + " {\\n\\n" }}
    {%- for tool in tools %}
        {%- set tool = tool.function %}
        {{- "// " + (tool.description or "") + "\\n" }}{{- "type "+ tool.name + " = " }}
        {%- if tool.parameters and tool.parameters.properties %}
            {{- "(_: {\\n" }}
            {%- for param_name, param_spec in tool.parameters.properties.items() %}
                {%- if param_spec.description %}{{- "// " + param_spec.description + "\\n" }}{%- endif %}
                {{- param_name }}
                {%- if param_name not in (tool.parameters.required or []) -%}{{- "?" }}{%- endif -%}
                {{- ": " }}{{- render_typescript_type(param_spec, tool.parameters.required or []) }}
                {%- if param_spec.default is defined -%}
                    {%- if param_spec.enum %}{{- ", // default: " + param_spec.default }}{%- else %}{{- ", // default: " + param_spec.default|tojson }}{%- endif -%}
                {%- endif -%}
                {{- ",\\n" }}
            {%- endfor %}
            {{- "}) => any;\\n\\n" }}
        {%- else -%}
            {{- "() => any;\\n\\n" }}
        {%- endif -%}
    {%- endfor %}
    {{- "} // namespace " + name }}
{%- endmacro -%}
{{- "<|start|>system<|message|>Knowledge cutoff: 2024-06\\nCurrent date: " + strftime_now("%Y-%m-%d") + "\\n\\nReasoning: " + (reasoning_effort|default("medium")) + "<|end|>" }}
{%- if tools -%}{{- "<|start|>developer<|message|># Tools\\n\\n" + render_tools("functions", tools) + "<|end|>" }}{%- endif -%}
{%- set last_tool_call = namespace(name=none) %}
{%- for message in messages -%}
    {%- if message.role == 'assistant' -%}
        {%- if "tool_calls" in message %}
            {%- set future_final_message = namespace(found=false) %}
            {%- for future_message in messages[loop.index:] %}
                {%- if future_message.role == 'assistant' and "tool_calls" not in future_message %}
                    {%- set future_final_message.found = true %}
                {%- endif %}
            {%- endfor %}
            {%- set tool_call = message.tool_calls[0] %}
            {%- if tool_call.function %}{%- set tool_call = tool_call.function %}{%- endif %}
            {%- if message.thinking and not future_final_message.found %}{{- "<|start|>assistant<|channel|>analysis<|message|>" + message.thinking + "<|end|>" }}{%- endif %}
            {{- "<|start|>assistant to=functions." + tool_call.name + "<|channel|>commentary <|constrain|>json<|message|>" + tool_call.arguments|tojson + "<|call|>" }}
            {%- set last_tool_call.name = tool_call.name %}
        {%- elif loop.last and not add_generation_prompt %}
            {%- if "thinking" in message %}{{- "<|start|>assistant<|channel|>analysis<|message|>" + message.thinking + "<|end|>" }}{%- endif %}
            {{- "<|start|>assistant<|channel|>final<|message|>" + message.content + "<|return|>" }}
        {%- else %}
            {{- "<|start|>assistant<|channel|>final<|message|>" + message.content + "<|end|>" }}
            {%- set last_tool_call.name = none %}
        {%- endif %}
    {%- elif message.role == 'tool' -%}
        {%- if last_tool_call.name is none %}{{- raise_exception("Message has tool role, but there was no previous assistant message with a tool call!") }}{%- endif %}
        {{- "<|start|>functions." + last_tool_call.name + " to=assistant<|channel|>commentary<|message|>" + message.content|tojson + "<|end|>" }}
    {%- elif message.role == 'user' -%}
        {{- "<|start|>user<|message|>" + message.content + "<|end|>" }}
    {%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}<|start|>assistant{%- endif -%}""",
)
family(
    "exaone",
    "{% for message in messages %}{% if loop.first and message['role'] != 'system' %}"
    "{{ '[|system|][|endofturn|]\n' }}{% endif %}{{ '[|' + message['role'] + '|]' +"
    " message['content'] }}{% if message['role'] == 'user' %}{{ '\n' }}{% else %}"
    "{{ '[|endofturn|]\n' }}{% endif %}{% endfor %}{% if add_generation_prompt %}"
    "{{ '[|assistant|]' }}{% endif %}",
)
family(
    "jamba",
    """{{- bos_token if bos_token }}
{%- for m in messages | rejectattr('role', 'equalto', 'tool') | list -%}
{%- set parts = (m.content | default('') | string).splitlines() -%}
<|bom|><|{{ m.role }}|> {{ parts | map('trim') | select | join('\\n') }}<|eom|>
{%- if not loop.last and loop.nextitem.role == m.role %}{{- raise_exception('Same role twice: ' ~ m.role) }}{% endif -%}
{%- else -%}
nothing
{%- endfor -%}
{{- '<|bom|><|assistant|>' if add_generation_prompt -}}""",
)
family(
    "loops-and-calls",
    """{% macro turn(role, open='<|', close='|>') %}{{ open ~ role ~ close }}{{ caller(role|title) if caller }}{{ varargs|length }}{{ kwargs|dictsort }}
{% endmacro %}
{% for m in messages recursive %}
{% if m.role == 'system' %}{% continue %}{% endif %}
{% call(name) turn(m.role, extra=loop.index) %}{{ name }}: {{ m.content|default('-', true)|string|truncate(20) }}{% endcall %}
{{ loop.cycle('odd', 'even') }} {{ loop.revindex }}/{{ loop.length }} {{ loop.changed(m.role) }} {{ loop.previtem.role if loop.previtem is defined }}
{% if m.role == 'tool' %}{% break %}{% endif %}
{% endfor %}
{% filter upper|replace('A', 'b') %}{% for m in messages %}{{ m.role }} {% endfor %}{% endfilter %}
{% set block | trim | indent(2) %}
  one
  two {{ messages|length }}
{% endset %}{{ block }}
{% with a=1, b=messages|map(attribute='role')|unique|list %}{{ a }} {{ b }} {{ b|sort(reverse=true)|join(',') }}{% endwith %}
{% for role, group in messages|groupby('role') %}{{ role }}={{ group|length }};{% endfor %}
{% raw %}{{ not read }} {% endraw %}
{{ messages|map(attribute='content')|select('string')|map('length')|sum }} {{ messages[0] }} {{ messages[-1].keys()|list }}""",
)


def call(identifier, arguments):
    return {
        "id": identifier,
        "type": "function",
        "function": {"name": "get_weather", "arguments": arguments},
    }


TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "The weather at a place, e.g. \"Zürich\" <now>.",
            "parameters": {
                "type": "object",
                "properties": {
                    "city": {"type": "string", "description": "The city's name"},
                    "unit": {"type": ["string", "null"], "enum": ["C", "F"], "default": "C"},
                    "days": {"type": "array", "items": {"type": "integer"}},
                },
                "required": ["city"],
            },
        },
    },
    {"type": "function", "function": {"name": "now", "description": "", "parameters": {"type": "object", "properties": {}}}},
]

USER = {"role": "user", "content": "What is 2 + 3?"}
ANSWER = {"role": "assistant", "content": "It is 5."}
SYSTEM = {"role": "system", "content": "Be brief. /no_think"}

CONVERSATIONS = {
    "one": {"messages": [USER]},
    "two": {"messages": [USER, ANSWER]},
    "system": {"messages": [SYSTEM, USER, ANSWER]},
    "many": {
        "messages": [SYSTEM, USER, ANSWER, {"role": "user", "content": "  And 4?\n"}, {"role": "assistant", "content": "\n\n9 \t"}]
    },
    "unicode": {
        "messages": [
            {"role": "user", "content": "Grüße, 世界 👩‍👩‍👧 e\u0301 \u00a0\u2028ΑΣ ß"},
            {"role": "assistant", "content": "\u3000ok\u200b \x1f"},
        ]
    },
    "special-tokens": {
        "messages": [
            {"role": "user", "content": "<|im_end|>\n<|im_start|>system\n<|eot_id|></s>[/INST]<end_of_turn>"},
            {"role": "assistant", "content": "{{ 7 * 7 }}{% raw %}<|end|>"},
        ]
    },
    "thinking": {
        "messages": [
            USER,
            {"role": "assistant", "content": "<think>\nTwo and three.\n</think>\n\nIt is 5."},
            {"role": "user", "content": "Sure?"},
            {"role": "assistant", "content": "Yes.", "reasoning_content": "\nAdd again.\n"},
        ],
        "variables": {"enable_thinking": False},
    },
    "tools": {
        "messages": [
            {"role": "user", "content": "Weather in Zürich?"},
            {"role": "assistant", "content": None, "tool_calls": [call("abcdefghi", {"city": "Zürich", "days": [1, 2.5, 1e20, None, True]})]},
            {"role": "tool", "tool_call_id": "abcdefghi", "name": "get_weather", "content": "{\"t\": -3.0}"},
            {"role": "assistant", "content": "It is -3 °C."},
            USER,
        ],
        "tools": TOOLS,
    },
    "tools-system": {"messages": [SYSTEM, USER], "tools": TOOLS, "variables": {"tools_in_user_message": False}},
    "documents": {
        "messages": [USER, ANSWER],
        "documents": [{"title": "A", "text": "First."}, {"title": "B", "text": "Second\nline."}],
        "variables": {"controls": {"length": "long"}, "reasoning_effort": "high"},
    },
    "parts": {
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": " Look: "}, {"type": "image"}]},
            {"role": "assistant", "content": "I see."},
        ]
    },
    "none": {"messages": [USER, {"role": "assistant", "content": None}]},
    "wrong-order": {"messages": [ANSWER, USER, USER]},
    "odd-role": {"messages": [{"role": "de|ve\"loper", "content": "x"}, USER]},
}


# Statements and expressions one by one, with these variables.
VARIABLES = {
    "s": "  Hello, World! it's \n a\ttest  ",
    "u": "Straße ΑΣ ǆ ﬁ İ ÀÉ",
    "e": "",
    "n": None,
    "i": 7,
    "neg": -7,
    "f": 2.5,
    "big": 123456789.125,
    "yes": True,
    "l": [3, 1, 2],
    "w": ["b", "A", "c", "a", "B"],
    "mixed": [1, "a", None, 2.0, True, [1, 2], {"k": "v"}],
    "d": {"b": 1, "a": {"x": [10, 20]}, "items": "own", "C": None},
    "rows": [
        {"name": "Bo", "age": 3, "tags": ["x"]},
        {"name": "al", "age": 1},
        {"name": "Cy", "age": 3, "tags": []},
    ],
}

EXPRESSIONS = r"""
1 + 2 * 3 - 4 / 2
7 // 2, -7 // 2, 7 // -2, 7.5 // 2, -7.5 // 2
7 % 3, -7 % 3, 7 % -3, 7.5 % 2, -7.5 % 2
2 ** 10, 2 ** -1, -2 ** 2, 2 ** 3 ** 2, 4 ** 0.5
1 / 0
1 % 0
1e16, 1e15, 123456789012345680.0, 1e-4, 1e-5, 1.0, 0.1 + 0.2, 1e300 * 1e10, -0.0
1_000, 0x1F, 0b101, 0o17, 1_0.5, 1e3
true + true, true == 1, 1.0 == 1, "1" == 1, none == false
1 < 2 < 3, 1 < 3 < 2, 1 == 1 != 2
"a" < "b", "B" < "a", [1, 2] < [1, 3], (1,) < (1, 0)
1 < "a"
"a" in "abc", "z" in "abc", 1 in [1, 2], "b" in d, 2 in {2: 3}, "" in "", none in [none]
1 in "abc"
"a" in n
"a" not in s, not "a" in s
not not 1, not e, not l
yes and 5, e or "x", 0 or n or "", 1 and 0 and 2
5 if yes, (5 if n), 5 if n else 6 if n else 7
"a" ~ 1 ~ none ~ true ~ 2.0 ~ missing
"a" + 1
"ab" * 3, 3 * "ab", [1] * 2, "ab" * -1, (1, 2) * 2
"%s is %d years, %.2f, %5s|%-5s|%05d|%x|%r|%%" % ("Bo", 3.7, 2.345, "a", "b", 42, 255, "q'")
"%(a)s-%(b)03d" % {"a": "x", "b": 7}
"%s" % "one", "%s" % n, "%s" % [1], "%e" % 12345.678, "%g" % 1e-10, "%+d % d" % (1, 2)
"%d" % "x"
"%s %s" % ("one",)
"{} {} {0}".format(1, 2)
"{} {}".format(1, "b"), "{1}{0}".format("a", "b"), "{x!r:>6}|{y:<5}|{z:^7.2f}|{i:,}".format(x="q", y=1, z=2.5, i=1234567)
"{:05d} {:+.1e} {:x} {:b} {:%} {:>4} {:*^9}".format(42, 12345.6, 255, 5, 0.25, "a", "mid")
"{a[b]} {c.x}".format(a={"b": 1}, c={"x": 2})
"{{}}".format(), "{0}{1}{0}".format(1, 2)
s.strip() ~ "|", s.lstrip() ~ "|", s.rstrip() ~ "|", "xxaxx".strip("x"), "abcba".strip("ab")
s.split(), s.split(" "), "a,b,,c".split(","), "a,b,c".split(",", 1), " a  b c ".split(none, 1)
"a,b,c".rsplit(",", 1), " a  b c ".rsplit(none, 1), "abc".split("x"), "".split(), "".split(",")
"a".split("")
"a
b
cd e".splitlines(), "a
b
".splitlines(true), "".splitlines()
s.upper(), s.lower(), s.title(), s.capitalize(), s.swapcase()
u.upper(), u.lower(), u.title(), u.capitalize(), u.swapcase()
s | upper, s | lower, s | title, s | capitalize, u | title, "foo-bar (baz) [x{y<z" | title
s.replace("l", "L"), s.replace("l", "L", 1), "aaa".replace("aa", "b"), "ab".replace("", "-"), "ab".replace("", "-", 1)
s | replace("l", "L", 1), 123 | replace(2, "x"), "aaa" | replace("a", "b", count=2)
"hello".startswith("he"), "hello".startswith(("x", "h")), "hello".endswith("lo"), "hello".startswith("l", 2), "hello".endswith("l", 0, 4)
"hello".find("l"), "hello".rfind("l"), "hello".find("z"), "hello".index("l"), "hello".count("l"), "hello".find("l", -2), "hello".count("")
"hello".index("z")
"a-b-c".partition("-"), "a-b-c".rpartition("-"), "abc".partition("-"), "abc".rpartition("-")
"a".zfill(3), "-5".zfill(4), "a".ljust(3) ~ "|", "a".rjust(3, "*"), "ab".center(5, "-"), "ab".center(4, "-"), "abc".center(6, "-")
"TestHook".removeprefix("Test"), "MiscTests".removesuffix("Tests"), "a	b".expandtabs(4), "-".join(["a", "b"]), "-".join("abc")
"-".join([1])
"abc".isalpha(), "12".isdigit(), "a1".isalnum(), " ".isspace(), "Ab".istitle(), "ab".islower(), "AB".isupper(), "½".isnumeric(), "²".isdigit(), "²".isdecimal(), "a_1".isidentifier(), "é".isascii(), "".isalpha()
s | trim ~ "|", "xax" | trim("x"), 5 | trim
s[0], s[-1], s[2:5], s[::-1], s[::2], s[5:2], s[-5:], s[100], "abc"[::-2]
l[0], l[-1], l[5], l[1:], l[::-1], l[:-1], l[-2:], (1, 2, 3)[1:], l[10:20], l[-100:2]
l["x"], l.x, d["b"], d.b, d["missing"], d["items"], d.a.x[1], d["a"]["x"][0], d.get("b"), d.get("z", 5), d.get("z")
d.a.missing.more
missing.more
missing["x"]
missing + 1
-missing
n.x, n["x"], i.x, 5[0], "abc".nope
n[1:]
d.keys() | list, d.values() | list, d.items | list, d.keys(), d.values(), dict(a=1).items(), d.copy() == d
d | items | list, d | dictsort, d | dictsort(true), d | dictsort(reverse=true), {"a": 2, "b": 1} | dictsort(false, "value")
d | length, l | length, s | length, missing | length, "" | count
5 | length
l.append(4)
d.update({"x": 1})
d.pop("b")
l | sort, l | sort(reverse=true), w | sort, w | sort(case_sensitive=true), w | unique | list, w | unique(true) | list
rows | sort(attribute="age,name") | map(attribute="name") | list, rows | sort(true, attribute="age") | map(attribute="name") | list
mixed | sort
l | min, l | max, w | min, w | max, [] | min, rows | max(attribute="age"), w | max(case_sensitive=true)
l | sum, rows | sum(attribute="age"), l | sum(start=10), [] | sum, [[1], [2]] | sum(start=[])
l | first, l | last, [] | first, [] | last, s | first, s | last, "abc" | first, d | first, l | reverse | list, "abc" | reverse
(l | map("string")) | last
l | join, l | join(", "), rows | join("/", attribute="name"), "abc" | join("-"), mixed | join("|")
l | list, "abc" | list, d | list, (1, 2) | list, missing | list, range(3) | list
w | map("upper") | list, rows | map(attribute="name") | join(","), rows | map(attribute="tags", default="-") | list, rows | map(attribute="tags.0") | list, n | map("upper") | list
l | map("nope") | list
l | select("odd") | list, l | reject("odd") | list, mixed | select | list, l | select(">", 1) | list, l | select("in", [1, 2]) | list, l | select("divisibleby", 3) | list
rows | selectattr("tags") | map(attribute="name") | list, rows | rejectattr("tags") | map(attribute="name") | list, rows | selectattr("age", "eq", 3) | map(attribute="name") | list, rows | selectattr("tags", "defined") | list | length, rows | rejectattr("name", "in", ["Bo"]) | list | length
missing | default("x"), n | default("x"), n | default("x", true), e | d("y", boolean=true), missing | default, rows[0].zip | default("none")
mixed | string, d | string, n | string, 1.50 | string, yes | string
mixed | tojson, d | tojson, d | tojson(indent=2), rows | tojson(indent=1), "<é"\
>" | tojson, "é😀" | tojson(ensure_ascii=true), {"b": 1, "a": 2} | tojson(sort_keys=true), [1, {}] | tojson(separators=(",", ":")), [] | tojson(indent=2), {1: 2, none: 3, true: 4, 2.5: 1} | tojson, 1e20 | tojson
missing | tojson
l | map("string") | tojson
"42" | int, "42.7" | int, "x" | int, "x" | int(5), " 42 " | int, "0x1F" | int(base=16), "1_000" | int, "ff" | int(0, 16), 3.9 | int, -3.9 | int, n | int, "1e3" | int, "inf" | int, true | int
"1.5" | float, "x" | float, "x" | float(2), "1e3" | float, 3 | float, " .5 " | float, "5." | float, "1_0.5" | float, n | float
missing | int
2.5 | round, 3.5 | round, 2.567 | round(2), 2.561 | round(1, "ceil"), 2.569 | round(1, "floor"), 7 | round, 15 | round(-1), 25 | round(-1), 1234.5 | round(-2), 2.675 | round(2), -2.5 | round
"x" | round
-5 | abs, 5.5 | abs, true | abs
"a
b

c" | indent, "a
b" | indent(2, true), "a

b" | indent(2, blank=true), "a
b" | indent("> "), "" | indent, "a
" | indent(2, true, true)
n | indent
"hello big world" | truncate(9), "hello big world" | truncate(9, true), "hello big world" | truncate(11, leeway=0), "hello big world" | truncate(9, false, "..", 0), "short" | truncate(3)
"a b  c_d e-f" | wordcount, "ab" | center(6) ~ "|", 1000 | filesizeformat, 1 | filesizeformat, 123456789 | filesizeformat, 123456789 | filesizeformat(true), 999 | filesizeformat
"%s-%s" | format("a", 1), "%(x)s" | format(x=5)
"<a href='x'>&"" | escape, "<b>" | e, "<b>" | safe, 5 | forceescape
"a b/c?d=é&" | urlencode, {"a b": "c/d", "é": 1} | urlencode, [["x", 1]] | urlencode
[1, 2, 3, 4, 5] | batch(2) | list, [1, 2, 3] | batch(2, "-") | list, [1, 2, 3, 4, 5] | slice(3) | list, [1, 2, 3, 4, 5] | slice(3, "-") | list
rows | groupby("age") | list, (rows | groupby("age"))[0].grouper, (rows | groupby("age"))[1].list | length, rows | groupby("tags.0", default="none") | map(attribute="grouper") | list, w | groupby(attribute=none) | list | length
rows | groupby("name") | map("first") | list
d | attr("b"), d | attr("keys") is callable, "x" | attr("nope") is defined
i is odd, i is even, i is divisibleby 7, i is divisibleby(3), neg is odd, 2.0 is even
i is number, f is number, yes is number, i is integer, yes is integer, f is float, s is string, e is string, d is mapping, l is mapping, l is sequence, d is sequence, s is sequence, n is sequence, l is iterable, s is iterable, i is iterable, missing is iterable, n is iterable, (l | map("string")) is iterable, (l | map("string")) is sequence
yes is boolean, 1 is boolean, yes is true, 1 is true, false is false, 0 is false, n is none, missing is none, missing is defined, n is defined, missing is undefined, d.z is defined, d.b is defined
i is eq 7, i is equalto(7), i is ne 7, i is gt 5, i is ge 7, i is lt 5, i is le 7, i is greaterthan 3, i is lessthan 3, i is sameas 7, yes is sameas true, 1 is sameas true, i is in [7, 8], "a" is in "abc", i is not in [1]
"abc" is lower, "ABC" is upper, "Abc" is lower, "1" is lower, d.get is callable, s is callable, range is callable, s is escaped, "upper" is filter, "nope" is filter, "odd" is test
i is nope
s | nope
n is not none and i is not defined or 5 is odd
range(5) | list, range(2, 8, 3) | list, range(5, 0, -2) | list, range(0), range(1, 5), range(3)[1], range(10)[2:8:2], range(5) | length, 3 in range(5), range(0, 10, 2) | last
range(100001)
range(1, 2, 0)
dict(a=1, b=2), dict([["x", 1]]), dict({"a": 1}, b=2), dict.fromkeys(["a", "b"], 0), namespace(a=1).a, namespace({"x": 5}).x, namespace(a=1).b is defined, namespace(a=1)
namespace(_a=1)
[1, "a", 'b"c', "d'e", "f'g"h", none, true, 2.0, (1,), (), {}, {"a": [1]}], "é​
	­" ~ "", ["é​
	­\"]
{"a": 1, "a": 2}, {1: "x", true: "y", 1.0: "z"}, [1, 2,], (1), (1,), [], {}
{[1]: 2}
"a" "b" 'c', 'it''s', "tab	new\nAéA\q"
d == {"b": 1, "a": {"x": [10, 20]}, "items": "own", "C": none}, l == [3, 1, 2], l == (3, 1, 2), missing == nothing, l != [1], "a" == "a"
joiner("; ")() ~ "x", raise_exception is defined, strftime_now("%Y-%m-%d %H:%M:%S %j %A %B %% %e %-d %f|%Z|%z|")
raise_exception("no: " ~ i)
lipsum is defined, loop is defined, caller is defined
l(1)
(1, 2)[0], [[1, 2], [3]][0][1], {"a": [1, 2]}["a"][-1], "abc".upper()[1], (s | trim)[0:5].lower().split("l")
l.index(1), l.count(3), (1, 1).count(1), l.copy(), "a".join(["x", "y"])
l.index(9)
d.items() | map("first") | list, d.items() | length, ("b", 1) in (dict(b=1).items()), dict(b=1).keys() | first, dict(b=1).values() | list
*l
1 +
(1
{{ 1 }}
"unclosed
a b
"""

STATEMENTS = [
    "{% set x = 1 %}{% for a in l %}{% set x = a %}{{ x }}{% endfor %}{{ x }}",
    "{% set ns = namespace(t=0) %}{% for a in l %}{% set ns.t = ns.t + a %}{% endfor %}{{ ns.t }}",
    "{% for a in l if a > 1 %}{{ loop.index }}{{ loop.last }}{{ loop.length }}{{ a }} {% else %}none{% endfor %}",
    "{% for a in [] %}x{% else %}none{% endfor %}{% for a in missing %}x{% else %}no{% endfor %}",
    "{% for a in n %}{% endfor %}",
    "{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}",
    "{% for a, (b, c) in [[1, [2, 3]]] %}{{ a }}{{ b }}{{ c }}{% endfor %}",
    "{% for a, b in [[1, 2, 3]] %}{% endfor %}",
    "{% for a in l %}{% if a == 1 %}{% continue %}{% endif %}{{ a }}{% if loop.index == 2 %}{% break %}{% endif %}{% endfor %}",
    "{% for a in l %}{% if a == 1 %}{% break %}{% endif %}{{ a }}{% else %}e{% endfor %}",
    "{% break %}",
    "{% for a in l %}{% generation %}{% break %}{% endgeneration %}{% endfor %}",
    "{% for a in [[1, [2, [3]]], 4] recursive %}{% if a is iterable %}[{{ loop(a) }}]{{ loop.depth }}{% else %}{{ a }}{{ loop.depth0 }}{% endif %}{% endfor %}",
    "{% for a in l %}{{ loop(l) }}{% endfor %}",
    "{% for a in l %}{% for b in l %}{{ loop.index }}{% endfor %}{{ loop.index }}{{ loop.revindex0 }}|{% endfor %}",
    "{% for a in l %}{{ loop.previtem }}<{{ a }}>{{ loop.nextitem }} {% endfor %}",
    "{% for a in l|map('string') %}{{ loop.last }}{{ loop.length }}{% endfor %}",
    "{% for a in [1, 1, 2] %}{{ loop.changed(a) }}{{ loop.cycle(1, 2) }}{% endfor %}",
    "{% for loop in l %}{% endfor %}",
    "{% macro m(a, b=2, c='x') %}{{ a }}{{ b }}{{ c }}{% endmacro %}{{ m(1) }} {{ m(1, c=3) }} {{ m() }}{{ m.name }}",
    "{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}",
    "{% macro m(a) %}{% endmacro %}{{ m(z=2) }}",
    "{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, z=3) }}",
    "{% macro m(x) %}{{ x }}{{ caller('in') }}{% endmacro %}{% call(y) m(1) %}<{{ y }}{{ l }}>{% endcall %}",
    "{% macro m() %}{{ caller() }}{% endmacro %}{{ m() }}",
    "{% macro f(k) %}{% if k > 0 %}{{ k }}{{ f(k - 1) }}{% endif %}{% endmacro %}{{ f(5) }}",
    "{% macro f() %}{{ x }}{% endmacro %}{% set x = 5 %}{{ f() }}{% set x = 6 %}{{ f() }}",
    "{% macro f(a, b=a) %}{{ b }}{% endmacro %}{{ f(3) }}",
    "{% macro f(a=1, b) %}{% endmacro %}",
    "{% set f = 5 %}{% macro g() %}{% set f = 6 %}{{ f }}{% endmacro %}{{ g() }}{{ f }}",
    "{% set a, b = 1, 2 %}{{ b }}{{ a }}{% set (c, d2) = [3, 4] %}{{ c }}{{ d2 }}",
    "{% set a, b = 1 %}",
    "{% set x | upper | trim %} a{{ i }} {% endset %}[{{ x }}]",
    "{% set x %}{% set y = 1 %}{{ y }}{% endset %}{{ x }}{{ y }}",
    "{% set l.x = 1 %}",
    "{% set ns = namespace() %}{% set ns._x = 1 %}",
    "{% filter upper %}a{{ s }}{% endfilter %}{% filter replace('a', 'b')|upper %}a{% endfilter %}",
    "{% with x = 5, y = x %}{{ x }}{{ y }}{% endwith %}{{ x }}",
    "{% if n %}1{% elif i == 7 %}2{% else %}3{% endif %}{% if missing %}x{% endif %}",
    "{% if i %}{% set q = 1 %}{% endif %}{{ q }}",
    "{% if n %}{{ s | nope }}{% endif %}ok{{ (s | nope) if n }}",
    "{% for x in [] %}{{ s | nope }}{% endfor %}ok",
    "{% raw %}{{ x }}{% if %}{% endraw %}|{%- raw -%}  a  {%- endraw -%}  b",
    "a  {#- c -#}  b\n{# d #}\nc {#+ e +#}\nd",
    "  {% if i %}\n  x\n  {% endif %}\n y {{ i }}\n\n{{ i -}}\n\n z {{- i }}",
    "\t{%+ if i %}\nx{% endif +%}\n  {{ i }}  \n{%- if i -%}\n y \n{%- endif %}\n",
    "a\r\nb\rc{{ 'x\r\ny' }}\n",
    "{% print i, f %}{% print s|trim %}",
    "{% generation %}{% set g = 1 %}x{{ g }}{% endgeneration %}{{ g }}",
    "{{ l|map('string')|list }}{% set it = l|map('string') %}{{ it|list }}{{ it|list }}",
    "{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{{ c.current }}{{ c.reset() }}{{ c.next() }}",
    "{% set j = joiner('|') %}{{ j() }}a{{ j() }}b{{ j() }}",
    "{% unknown %}",
    "{% if i %}",
    "{% endif %}",
    "{% for x in l %}{% endif %}{% endfor %}",
    "{% set true = 1 %}",
    "{{ }}",
    "{% if %}{% endif %}",
    "{# open",
    "{{ 'a' }",
    "{% include 'x' %}",
    "{{ [1, 2)] }}",
    "{{ a.1.b }}{{ l.0 }}{{ l.1 }}",
    "{{ x is defined is true }}",
    "}} %} #} { % {",
    "{% set ns = namespace(done=false) %}{% for a in l if not ns.done %}{{ a }}{% set ns.done = true %}{% endfor %}",
    "{{ d.a.x|join('-') }}{{ d['a'].x }}{{ rows[0]['name'][0] }}",
    "{% for r in rows %}{{ r.name if r.tags is defined and r.tags else '-' ~ loop.index }}{{ ', ' if not loop.last }}{% endfor %}",
    "{% for i in range(3) %}{% for i in range(i) %}{{ i }}{% endfor %}{{ i }};{% endfor %}{{ i }}",
    "{{ 'x' if }}",
    "{{ not }}",
    "{{ l | map }}{{ l | map | list }}",
    "{% set messages = [1] %}{% for q in l %}{% set messages = messages + [q] %}{{ messages }}{% endfor %}{{ messages }}",
]


class FixedTime(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return datetime.datetime.fromtimestamp(NOW, datetime.timezone.utc).replace(tzinfo=None)


def render(template, row, prompt):
    # What apply_chat_template does before it calls the renderer.
    messages = chat_template_utils._normalize_chat_messages(row["messages"])

    def call():
        rendered, _ = chat_template_utils.render_jinja_template(
            conversations=[messages],
            tools=row.get("tools"),
            documents=row.get("documents"),
            chat_template=template,
            add_generation_prompt=prompt,
            **{**TOKENS, **row.get("variables", {})},
        )
        return rendered[0]

    return outcome(call)


def outcome(call):
    try:
        return {"text": call()}
    except jinja2.exceptions.TemplateSyntaxError as error:
        return {"error": "syntax", "message": str(error)}
    except jinja2.exceptions.TemplateError as error:
        kind = "refused" if type(error) is jinja2.exceptions.TemplateError else "evaluation"
        return {"error": kind, "message": str(error)}
    except Exception as error:
        return {"error": "evaluation", "message": str(error)}


def main(path):
    chat_template_utils.datetime = FixedTime
    cases = []
    for name, entry in TEMPLATES.items():
        for conversation, row in CONVERSATIONS.items():
            for prompt in (False, True):
                result = render(entry["template"], row, prompt)
                cases.append({"template": name, "conversation": conversation, "prompt": prompt, **result})
    pieces = []
    for text in ["{{ " + line + " }}" for line in EXPRESSIONS.strip().split("\n")] + STATEMENTS:
        compile_template = chat_template_utils._compile_jinja_template
        result = outcome(lambda: compile_template(text).render(**VARIABLES))
        pieces.append({"template": text, **result})
    document = {
        "versions": {"transformers": transformers.__version__, "jinja2": jinja2.__version__},
        "now": NOW,
        "tokens": TOKENS,
        "templates": {name: entry["template"] for name, entry in TEMPLATES.items()},
        "conversations": CONVERSATIONS,
        "cases": cases,
        "variables": VARIABLES,
        "pieces": pieces,
    }
    with open(path, "w") as file:
        json.dump(document, file, ensure_ascii=False, indent=0)
        file.write("\n")
    failed = sum("error" in case for case in cases)
    print(f"{len(TEMPLATES)} templates, {len(cases)} cases, {failed} of them errors; {len(pieces)} pieces")


if __name__ == "__main__":
    main(sys.argv[1])
