// swift-tools-version: 6.2
import PackageDescription

// Shared by every target: one dialect, no warnings.
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .treatAllWarnings(as: .error),
]

/// One name a migration, in order; each has an `.up.sql` and a `.down.sql`.
let migrations = [
    "m0001_tenants", "m0002_workers", "m0003_tasks", "m0004_archive", "m0005_indexes", "m0006_documents",
    "m0007_chunks", "m0008_requests", "m0009_dead_windows", "m0010_control", "m0011_dispatch", "m0012_kind_defaults",
    "m0013_store_task", "m0014_enqueue_many", "m0015_enqueue", "m0016_grant_enqueue", "m0017_schedules",
    "m0018_workflows", "m0019_workflow_steps", "m0020_workflow_ends", "m0021_workflow_advance", "m0022_audit",
    "m0023_workflow_keys", "m0024_workflow_letters",
    "m0025_depths", "m0026_isolation", "m0027_terms", "m0028_term_fill", "m0029_heading_terms",
    "m0030_heading_fill", "m0031_rebuilds",
    "m0032_erasures", "m0033_erasing_enqueue",
    "m0034_attributes", "m0035_word_parts",
    "m0036_gates",
    "m0037_upkeep",
    "m0038_canaries", "m0039_partitions",
    "m0040_erasure_horizon", "m0041_checked_at", "m0042_partition_keys",
    "m0043_words", "m0044_word_fill", "m0045_words_like",
    "m0046_question_logs",
    "m0047_chunk_sets", "m0048_chunk_set_words", "m0049_chunk_set_counts",
    "m0050_pending_lists", "m0051_chunk_set_removal",
].flatMap { ["\($0).up.sql", "\($0).down.sql"] }

/// Lua scripts; `markers` stands before those that change a window.
let scripts = [
    "markers", "offer", "announce", "fetch", "acknowledge", "hand_back", "reclaim", "withdraw", "tokens",
].map { "\($0).lua" }

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")

/// A library module of the house. Imports go downward only; `scripts/check` enforces it.
func module(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

/// An executable: `@main` and argument parsing only.
func executable(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(name: name, dependencies: dependencies, swiftSettings: settings)
}

/// A test target. Servers are found through the environment, see `scripts/test`.
func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies, swiftSettings: settings)
}

/// One C library made importable, and nothing else.
func library(_ name: String, _ pkgConfig: String, apt: String? = nil) -> Target {
    .systemLibrary(name: name, pkgConfig: pkgConfig, providers: apt.map { [.apt([$0])] })
}

let package = Package(
    name: "sluice",
    products: [
        .library(name: "Sluice", targets: ["Sluice"]),
        .library(name: "SluiceTesting", targets: ["SluiceTesting"]),
        .library(name: "SluiceReading", targets: ["SluiceReading"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    ],
    targets: [
        // Layer 0: C libraries, and the SQL and Lua as bytes.
        library("CLibPQ", "libpq", apt: "libpq-dev"),
        library("CHiredis", "hiredis", apt: "libhiredis-dev"),
        library("CPopplerGLib", "poppler-glib", apt: "libpoppler-glib-dev"),
        library("CLibSeccomp", "libseccomp", apt: "libseccomp-dev"),
        library("CLibCrypto", "libcrypto", apt: "libssl-dev"),
        library("CLibCurl", "libcurl", apt: "libcurl4-openssl-dev"),
        .systemLibrary(name: "CLinux"),
        library("COpenVINO", "openvino"),  // scripts/setup writes openvino.pc; loaded at run time, never linked
        .target(
            name: "SluiceAssets",
            resources: migrations.map { .embedInCode("Migrations/\($0)") }
                + scripts.map { .embedInCode("Scripts/\($0)") },
            swiftSettings: settings
        ),

        // Layer 1: the vocabulary, and what the operating system gives.
        module("SluiceCore"),
        module("SluiceSystem", ["SluiceCore", "CLinux", "CLibCrypto", logging]),

        // Layer 2: clients, engines and ports; none of them knows another.
        module("SluicePostgres", ["SluiceCore", "SluiceSystem", "CLibPQ"]),
        module("SluiceRedis", ["SluiceCore", "SluiceSystem", "CHiredis"]),
        module("SluiceInference", ["SluiceCore", "SluiceSystem", "COpenVINO", "CLibCurl"]),
        module("SluiceExtraction", ["SluiceCore", "SluiceSystem", "CPopplerGLib", "CLibSeccomp", "CLinux"]),
        module("SluiceQueue", ["SluiceCore", "SluiceSystem", logging]),
        module("SluiceDocuments", ["SluiceCore", "SluiceSystem"]),

        // Layer 3: the ports on real servers, and the product's tasks.
        module(
            "SluiceStore",
            ["SluiceCore", "SluiceSystem", "SluiceQueue", "SluiceDocuments", "SluicePostgres", "SluiceAssets", logging]
        ),
        module("SluiceBroker", ["SluiceCore", "SluiceSystem", "SluiceQueue", "SluiceRedis", "SluiceAssets", logging]),
        module("SluiceSearch", ["SluiceCore", "SluiceDocuments", "SluicePostgres", "SluiceInference"]),
        module(
            "SluicePipeline",
            ["SluiceCore", "SluiceSystem", "SluiceQueue", "SluiceDocuments", "SluiceInference", logging]
        ),

        // Layer 4: settings and composition.
        module(
            "SluiceService",
            [
                "SluiceCore", "SluiceSystem", "SluiceQueue", "SluiceDocuments", "SluicePostgres", "SluiceRedis",
                "SluiceInference", "SluiceStore", "SluiceBroker", "SluiceSearch", "SluicePipeline", logging,
            ]
        ),

        // Layer 4 too: what other packages import, and what their tests do.
        module(
            "Sluice",
            [
                "SluiceCore", "SluiceSystem", "SluiceQueue", "SluicePostgres", "SluiceRedis", "SluiceStore",
                "SluiceBroker", logging,
            ]
        ),
        module("SluiceTesting", ["Sluice", "SluiceCore", "SluiceQueue", logging]),
        module(
            "SluiceReading",
            ["Sluice", "SluiceCore", "SluiceSystem", "SluiceInference", "SluiceStore", "SluiceSearch", logging]
        ),

        // Layer 5: the executables.
        executable("coordinator", ["SluiceService", "SluiceCore", "SluiceSystem", argumentParser]),
        executable("worker", ["SluiceService", "SluiceCore", "SluiceSystem", argumentParser]),
        executable("extractor", ["SluiceExtraction", "SluiceCore", "SluiceSystem"]),
        executable(
            "workerctl",
            [
                "SluiceService", "SluiceCore", "SluiceSystem", "SluiceQueue", "SluiceDocuments", "SluiceStore",
                "SluiceSearch", "SluiceBroker", "SluiceInference", argumentParser, logging,
            ]
        ),
        executable(
            "sluicebench",
            [
                "SluiceService", "SluiceCore", "SluiceSystem", "SluiceQueue", "SluiceDocuments", "SluicePostgres",
                "SluiceRedis", "SluiceInference", "SluiceStore", "SluiceBroker", "SluiceSearch", "SluicePipeline",
                argumentParser, logging,
            ]
        ),

        // Tests: what they share, then one target a module.
        .target(
            name: "SluiceTestKit",
            dependencies: ["SluiceCore", "SluiceSystem", "SluiceQueue", "SluiceDocuments", logging],
            path: "Tests/SluiceTestKit",
            swiftSettings: settings
        ),
        .target(
            name: "SluiceServerKit",
            dependencies: [
                "SluiceCore", "SluiceSystem", "SluicePostgres", "SluiceRedis", "SluiceStore", "SluiceBroker", logging,
            ],
            path: "Tests/SluiceServerKit",
            swiftSettings: settings
        ),
        // The prove-it part: the history checker, and what runs the fleet under faults.
        .target(
            name: "SluiceFaultKit",
            dependencies: [
                "SluiceCore", "SluiceSystem", "SluiceQueue", "SluicePostgres", "SluiceRedis", "SluiceStore",
                "SluiceBroker",
                "SluiceService", "SluiceTestKit", logging,
            ],
            path: "Tests/SluiceFaultKit",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "faultlab",
            dependencies: ["SluiceFaultKit", "SluiceService", "SluiceCore", "SluiceSystem", argumentParser],
            path: "Tests/faultlab",
            swiftSettings: settings
        ),
        tests("SluiceCoreTests", ["SluiceCore"]),
        tests("SluiceSystemTests", ["SluiceSystem", "SluiceCore", "SluiceTestKit"]),
        tests("SluicePostgresTests", ["SluicePostgres", "SluiceCore", "SluiceSystem", "SluiceTestKit"]),
        tests("SluiceRedisTests", ["SluiceRedis", "SluiceCore", "SluiceSystem", "SluiceTestKit"]),
        tests("SluiceInferenceTests", ["SluiceInference", "SluiceCore", "SluiceSystem", "SluiceTestKit"]),
        tests("SluiceExtractionTests", ["SluiceExtraction", "SluiceCore", "SluiceSystem", "SluiceTestKit"]),
        tests("SluiceQueueTests", ["SluiceQueue", "SluiceCore", "SluiceSystem", "SluiceTestKit", logging]),
        tests("SluiceDocumentsTests", ["SluiceDocuments", "SluiceCore", "SluiceSystem", "SluiceTestKit"]),
        tests(
            "SluiceStoreTests",
            [
                "Sluice", "SluiceReading", "SluiceStore", "SluiceSearch", "SluiceInference", "SluicePostgres",
                "SluiceQueue",
                "SluiceDocuments", "SluiceCore", "SluiceSystem", "SluiceAssets", "SluiceTestKit", "SluiceServerKit",
                logging,
            ]
        ),
        tests(
            "SluiceBrokerTests",
            [
                "SluiceBroker", "SluiceRedis", "SluiceQueue", "SluiceCore", "SluiceSystem", "SluiceTestKit",
                "SluiceServerKit", logging,
            ]
        ),
        tests(
            "SluicePipelineTests",
            [
                "SluicePipeline", "SluiceStore", "SluiceSearch", "SluicePostgres", "SluiceInference", "SluiceQueue",
                "SluiceDocuments", "SluiceCore", "SluiceSystem", "SluiceTestKit", "SluiceServerKit", logging,
            ]
        ),
        tests(
            "SluiceTests",
            [
                "Sluice", "SluiceTesting", "SluiceReading", "SluiceStore", "SluicePostgres", "SluiceCore",
                "SluiceSystem",
                "CLibPQ", "SluiceTestKit", "SluiceServerKit",
            ]
        ),
        tests(
            "SluiceServiceTests",
            ["SluiceService", "SluiceStore", "SluicePostgres", "SluiceCore", "SluiceSystem", "SluiceTestKit"]
        ),
        tests(
            "EndToEndTests",
            [
                "SluiceService", "SluiceStore", "SluiceBroker", "SluicePostgres", "SluiceRedis", "SluiceQueue",
                "SluiceDocuments", "SluiceCore", "SluiceSystem", "SluiceTestKit", "SluiceFaultKit", "SluiceServerKit",
            ]
        ),
    ]
)
