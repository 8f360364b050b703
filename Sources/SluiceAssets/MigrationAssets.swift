/// SQL migrations as bytes, in order. No logic: SluiceStore applies them.
package enum MigrationAssets {
    package struct Script: Sendable {
        /// From 1, without gaps.
        package let version: Int
        package let name: String
        package let up: [UInt8]
        package let down: [UInt8]
    }

    package static let all: [Script] = [
        Script(
            version: 1,
            name: "m0001_tenants",
            up: PackageResources.m0001_tenants_up_sql,
            down: PackageResources.m0001_tenants_down_sql
        ),
        Script(
            version: 2,
            name: "m0002_workers",
            up: PackageResources.m0002_workers_up_sql,
            down: PackageResources.m0002_workers_down_sql
        ),
        Script(
            version: 3,
            name: "m0003_tasks",
            up: PackageResources.m0003_tasks_up_sql,
            down: PackageResources.m0003_tasks_down_sql
        ),
        Script(
            version: 4,
            name: "m0004_archive",
            up: PackageResources.m0004_archive_up_sql,
            down: PackageResources.m0004_archive_down_sql
        ),
        Script(
            version: 5,
            name: "m0005_indexes",
            up: PackageResources.m0005_indexes_up_sql,
            down: PackageResources.m0005_indexes_down_sql
        ),
        Script(
            version: 6,
            name: "m0006_documents",
            up: PackageResources.m0006_documents_up_sql,
            down: PackageResources.m0006_documents_down_sql
        ),
        Script(
            version: 7,
            name: "m0007_chunks",
            up: PackageResources.m0007_chunks_up_sql,
            down: PackageResources.m0007_chunks_down_sql
        ),
        Script(
            version: 8,
            name: "m0008_requests",
            up: PackageResources.m0008_requests_up_sql,
            down: PackageResources.m0008_requests_down_sql
        ),
        Script(
            version: 9,
            name: "m0009_dead_windows",
            up: PackageResources.m0009_dead_windows_up_sql,
            down: PackageResources.m0009_dead_windows_down_sql
        ),
        Script(
            version: 10,
            name: "m0010_control",
            up: PackageResources.m0010_control_up_sql,
            down: PackageResources.m0010_control_down_sql
        ),
        Script(
            version: 11,
            name: "m0011_dispatch",
            up: PackageResources.m0011_dispatch_up_sql,
            down: PackageResources.m0011_dispatch_down_sql
        ),
        Script(
            version: 12,
            name: "m0012_kind_defaults",
            up: PackageResources.m0012_kind_defaults_up_sql,
            down: PackageResources.m0012_kind_defaults_down_sql
        ),
        Script(
            version: 13,
            name: "m0013_store_task",
            up: PackageResources.m0013_store_task_up_sql,
            down: PackageResources.m0013_store_task_down_sql
        ),
        Script(
            version: 14,
            name: "m0014_enqueue_many",
            up: PackageResources.m0014_enqueue_many_up_sql,
            down: PackageResources.m0014_enqueue_many_down_sql
        ),
        Script(
            version: 15,
            name: "m0015_enqueue",
            up: PackageResources.m0015_enqueue_up_sql,
            down: PackageResources.m0015_enqueue_down_sql
        ),
        Script(
            version: 16,
            name: "m0016_grant_enqueue",
            up: PackageResources.m0016_grant_enqueue_up_sql,
            down: PackageResources.m0016_grant_enqueue_down_sql
        ),
        Script(
            version: 17,
            name: "m0017_schedules",
            up: PackageResources.m0017_schedules_up_sql,
            down: PackageResources.m0017_schedules_down_sql
        ),
        Script(
            version: 18,
            name: "m0018_workflows",
            up: PackageResources.m0018_workflows_up_sql,
            down: PackageResources.m0018_workflows_down_sql
        ),
        Script(
            version: 19,
            name: "m0019_workflow_steps",
            up: PackageResources.m0019_workflow_steps_up_sql,
            down: PackageResources.m0019_workflow_steps_down_sql
        ),
        Script(
            version: 20,
            name: "m0020_workflow_ends",
            up: PackageResources.m0020_workflow_ends_up_sql,
            down: PackageResources.m0020_workflow_ends_down_sql
        ),
        Script(
            version: 21,
            name: "m0021_workflow_advance",
            up: PackageResources.m0021_workflow_advance_up_sql,
            down: PackageResources.m0021_workflow_advance_down_sql
        ),
        Script(
            version: 22,
            name: "m0022_audit",
            up: PackageResources.m0022_audit_up_sql,
            down: PackageResources.m0022_audit_down_sql
        ),
        Script(
            version: 23,
            name: "m0023_workflow_keys",
            up: PackageResources.m0023_workflow_keys_up_sql,
            down: PackageResources.m0023_workflow_keys_down_sql
        ),
        Script(
            version: 24,
            name: "m0024_workflow_letters",
            up: PackageResources.m0024_workflow_letters_up_sql,
            down: PackageResources.m0024_workflow_letters_down_sql
        ),
        Script(
            version: 25,
            name: "m0025_depths",
            up: PackageResources.m0025_depths_up_sql,
            down: PackageResources.m0025_depths_down_sql
        ),
        Script(
            version: 26,
            name: "m0026_isolation",
            up: PackageResources.m0026_isolation_up_sql,
            down: PackageResources.m0026_isolation_down_sql
        ),
        Script(
            version: 27,
            name: "m0027_terms",
            up: PackageResources.m0027_terms_up_sql,
            down: PackageResources.m0027_terms_down_sql
        ),
        Script(
            version: 28,
            name: "m0028_term_fill",
            up: PackageResources.m0028_term_fill_up_sql,
            down: PackageResources.m0028_term_fill_down_sql
        ),
        Script(
            version: 29,
            name: "m0029_heading_terms",
            up: PackageResources.m0029_heading_terms_up_sql,
            down: PackageResources.m0029_heading_terms_down_sql
        ),
        Script(
            version: 30,
            name: "m0030_heading_fill",
            up: PackageResources.m0030_heading_fill_up_sql,
            down: PackageResources.m0030_heading_fill_down_sql
        ),
        Script(
            version: 31,
            name: "m0031_rebuilds",
            up: PackageResources.m0031_rebuilds_up_sql,
            down: PackageResources.m0031_rebuilds_down_sql
        ),
        Script(
            version: 32,
            name: "m0032_erasures",
            up: PackageResources.m0032_erasures_up_sql,
            down: PackageResources.m0032_erasures_down_sql
        ),
        Script(
            version: 33,
            name: "m0033_erasing_enqueue",
            up: PackageResources.m0033_erasing_enqueue_up_sql,
            down: PackageResources.m0033_erasing_enqueue_down_sql
        ),
        Script(
            version: 34,
            name: "m0034_attributes",
            up: PackageResources.m0034_attributes_up_sql,
            down: PackageResources.m0034_attributes_down_sql
        ),
        Script(
            version: 35,
            name: "m0035_word_parts",
            up: PackageResources.m0035_word_parts_up_sql,
            down: PackageResources.m0035_word_parts_down_sql
        ),
        Script(
            version: 36,
            name: "m0036_gates",
            up: PackageResources.m0036_gates_up_sql,
            down: PackageResources.m0036_gates_down_sql
        ),
        Script(
            version: 37,
            name: "m0037_upkeep",
            up: PackageResources.m0037_upkeep_up_sql,
            down: PackageResources.m0037_upkeep_down_sql
        ),
        Script(
            version: 38,
            name: "m0038_canaries",
            up: PackageResources.m0038_canaries_up_sql,
            down: PackageResources.m0038_canaries_down_sql
        ),
        Script(
            version: 39,
            name: "m0039_partitions",
            up: PackageResources.m0039_partitions_up_sql,
            down: PackageResources.m0039_partitions_down_sql
        ),
        Script(
            version: 40,
            name: "m0040_erasure_horizon",
            up: PackageResources.m0040_erasure_horizon_up_sql,
            down: PackageResources.m0040_erasure_horizon_down_sql
        ),
        Script(
            version: 41,
            name: "m0041_checked_at",
            up: PackageResources.m0041_checked_at_up_sql,
            down: PackageResources.m0041_checked_at_down_sql
        ),
        Script(
            version: 42,
            name: "m0042_partition_keys",
            up: PackageResources.m0042_partition_keys_up_sql,
            down: PackageResources.m0042_partition_keys_down_sql
        ),
        Script(
            version: 43,
            name: "m0043_words",
            up: PackageResources.m0043_words_up_sql,
            down: PackageResources.m0043_words_down_sql
        ),
        Script(
            version: 44,
            name: "m0044_word_fill",
            up: PackageResources.m0044_word_fill_up_sql,
            down: PackageResources.m0044_word_fill_down_sql
        ),
        Script(
            version: 45,
            name: "m0045_words_like",
            up: PackageResources.m0045_words_like_up_sql,
            down: PackageResources.m0045_words_like_down_sql
        ),
        Script(
            version: 46,
            name: "m0046_question_logs",
            up: PackageResources.m0046_question_logs_up_sql,
            down: PackageResources.m0046_question_logs_down_sql
        ),
        Script(
            version: 47,
            name: "m0047_chunk_sets",
            up: PackageResources.m0047_chunk_sets_up_sql,
            down: PackageResources.m0047_chunk_sets_down_sql
        ),
        Script(
            version: 48,
            name: "m0048_chunk_set_words",
            up: PackageResources.m0048_chunk_set_words_up_sql,
            down: PackageResources.m0048_chunk_set_words_down_sql
        ),
        Script(
            version: 49,
            name: "m0049_chunk_set_counts",
            up: PackageResources.m0049_chunk_set_counts_up_sql,
            down: PackageResources.m0049_chunk_set_counts_down_sql
        ),
        Script(
            version: 50,
            name: "m0050_pending_lists",
            up: PackageResources.m0050_pending_lists_up_sql,
            down: PackageResources.m0050_pending_lists_down_sql
        ),
        Script(
            version: 51,
            name: "m0051_chunk_set_removal",
            up: PackageResources.m0051_chunk_set_removal_up_sql,
            down: PackageResources.m0051_chunk_set_removal_down_sql
        ),
    ]
}
