"""Everything pluggable on one page: each strategy, metric, check, provider and index by name, with its place.

A member is a file and a line here, or in another package an entry point of the group named here. What
others must know of a member is stated on its class.
"""

from __future__ import annotations

from typing import Any

from steelyard.registry import Registry

STRATEGIES: Registry[Any] = Registry(
    "strategy",
    {
        "majority": "steelyard.strategy.majority:Majority",
        "tfidf_linear": "steelyard.strategy.tfidf_linear:TfidfLinear",
        "nearest_neighbour": "steelyard.strategy.nearest_neighbour:NearestNeighbour",
        "classifier_head": "steelyard.strategy.classifier_head:ClassifierHead",
        "zero_shot": "steelyard.strategy.zero_shot:ZeroShot",
        "few_shot": "steelyard.strategy.few_shot:FewShot",
        "retrieved_few_shot": "steelyard.strategy.retrieved_few_shot:RetrievedFewShot",
        "optimized_prompt": "steelyard.strategy.optimized_prompt:OptimizedPrompt",
        "chain_of_thought": "steelyard.strategy.chain_of_thought:ChainOfThought",
        "self_consistency": "steelyard.strategy.self_consistency:SelfConsistency",
        "rag": "steelyard.strategy.rag:Rag",
        "rag_oracle": "steelyard.strategy.rag_oracle:RagOracle",
        "long_context": "steelyard.strategy.long_context:LongContext",
        "cascade": "steelyard.strategy.cascade:Cascade",
        "lora": "steelyard.strategy.lora:Lora",
        "rslora": "steelyard.strategy.lora_variants:RsLora",
        "qlora": "steelyard.strategy.lora_variants:QLora",
        "dora": "steelyard.strategy.lora_variants:Dora",
        "lora_plus": "steelyard.strategy.lora_variants:LoraPlus",
        "full_fine_tuning": "steelyard.strategy.full_fine_tuning:FullFineTuning",
        "preference": "steelyard.strategy.preference:Preference",
        "lora_prompt": "steelyard.strategy.hybrid:LoraPrompt",
        "lora_shots": "steelyard.strategy.hybrid:LoraShots",
        "lora_rag": "steelyard.strategy.hybrid:LoraRag",
        "distilled": "steelyard.strategy.distilled:Distilled",
        "lora_documents": "steelyard.strategy.lora_documents:LoraDocuments",
    },
    "steelyard.strategies",
    states=("traits", "arm_type"),
)
"""Classes of `steelyard.strategy.base.Strategy`, in the order in which they run."""

METRICS: Registry[Any] = Registry(
    "metric",
    {
        "accuracy": "steelyard.score.label:Accuracy",
        "macro_f1": "steelyard.score.label:MacroF1",
        "set_f1": "steelyard.score.label_sets:SetF1",
        "exact_set": "steelyard.score.label_sets:ExactSet",
        "exact_match": "steelyard.score.text:ExactMatch",
        "token_f1": "steelyard.score.text:TokenF1",
        "normalised_match": "steelyard.score.text:NormalisedMatch",
        "numeric": "steelyard.score.numeric:Numeric",
        "rouge_l": "steelyard.score.text:RougeL",
        "chrf": "steelyard.score.chrf:Chrf",
        "embedding_similarity": "steelyard.score.meaning:EmbeddingSimilarity",
        "rules": "steelyard.score.rules.metric:RulesMetric",
        "json_match": "steelyard.score.json_fields:JsonMatch",
        "field_f1": "steelyard.score.json_fields:FieldF1",
        "judge": "steelyard.score.judge:Judge",
        "custom": "steelyard.score.custom:Custom",
    },
    "steelyard.metrics",
)
"""Classes of `steelyard.score.base.Metric`."""

CHECKS: Registry[Any] = Registry(
    "check",
    {
        "format": "steelyard.data.checks.format:find",
        "size": "steelyard.data.checks.size:find",
        "imbalance": "steelyard.data.checks.imbalance:find",
        "exact_duplicates": "steelyard.data.checks.duplicates:exact",
        "near_duplicates": "steelyard.data.checks.duplicates:near",
        "paraphrases": "steelyard.data.checks.duplicates:paraphrases",
        "leaks": "steelyard.data.checks.leaks:find",
        "contradictions": "steelyard.data.checks.contradictions:find",
        "label_errors": "steelyard.data.checks.label_errors:find",
        "output_hygiene": "steelyard.data.checks.output_hygiene:find",
        "over_context": "steelyard.data.checks.over_context:find",
        "languages": "steelyard.data.checks.languages:find",
        "private_data": "steelyard.data.checks.private_data:find",
    },
    "steelyard.checks",
)
"""Functions of `steelyard.data.base.Check`, in the order in which their findings are shown."""

PROVIDERS: Registry[Any] = Registry(
    "model provider",
    {
        "embedded": "steelyard.model.embedded:PROVIDER",
        "hf": "steelyard.model.huggingface:PROVIDER",
        "openai": "steelyard.model.hosted.client:PROVIDER",
        "fake": "steelyard.model.fake:PROVIDER",
    },
    "steelyard.providers",
)
"""Records of `steelyard.model.base.ModelProvider`."""

RETRIEVERS: Registry[Any] = Registry(
    "index",
    {
        "tfidf": "steelyard.retrieve.tfidf:TfidfIndex",
        "passages": "steelyard.retrieve.index.passage_index:PassageIndex",
        "whole": "steelyard.retrieve.fixed:WholeDocuments",
        "gold": "steelyard.retrieve.fixed:GoldPassages",
        "lance": "steelyard.retrieve.index.lance:LanceIndex",
    },
    "steelyard.retrievers",
)
"""Classes of `steelyard.retrieve.base.Retriever`."""

EXPORT_FORMATS: Registry[Any] = Registry(
    "format",
    {
        "adapter": "steelyard.exports.adapter:AdapterFormat",
        "safetensors": "steelyard.exports.merged_format:SafetensorsFormat",
        "gguf": "steelyard.exports.gguf_format:GgufFormat",
        "ctranslate2": "steelyard.exports.ctranslate2_format:CTranslate2Format",
    },
)
"""Classes of `steelyard.exports.base.ExportFormat`."""
