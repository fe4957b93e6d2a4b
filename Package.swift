// swift-tools-version: 6.2
import PackageDescription

/// Warnings are errors in our own targets; dependencies keep their own rules.
let strict: [SwiftSetting] = [.treatAllWarnings(as: .error)]

/// Most tests call optimized code and wait for it: to optimize them as well takes minutes and gains nothing.
let unoptimized = strict + [.unsafeFlags(["-Onone"])]

/// Kernels are compiled for speed in debug builds too: tests run whole models through them.
let kernelFlags: [CSetting] = [
    .unsafeFlags(["-O3", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=fast", "-Wall", "-Werror"])
]

let package = Package(
    name: "vitvideo",
    products: [
        .executable(name: "vitvideo", targets: ["vitvideo"]),
        .executable(name: "vitvideo-bench", targets: ["vitvideo-bench"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0")
    ],
    targets: [
        // System libraries, one module each.
        .systemLibrary(name: "CFFmpeg"),
        .systemLibrary(name: "COpenBLAS"),
        .systemLibrary(name: "CCairo"),
        .systemLibrary(name: "CZip"),
        .systemLibrary(name: "CZlib"),
        .systemLibrary(name: "COpenSSL"),
        .systemLibrary(name: "CCurl"),
        .systemLibrary(name: "CLinux"),
        .systemLibrary(name: "CUTF8Proc"),

        // Row kernels in C, the instruction set chosen at run time.
        .target(name: "CKernels", cSettings: kernelFlags),

        // oneDNN, opened at run time.
        .target(name: "COneDNN", cSettings: [.unsafeFlags(["-Wall", "-Werror"])]),

        // libjpeg-turbo, behind functions that return where libjpeg jumps.
        .target(
            name: "CJPEG", cSettings: [.unsafeFlags(["-O3", "-Wall", "-Werror"])],
            linkerSettings: [.linkedLibrary("jpeg")]),

        .target(name: "Base", swiftSettings: strict),
        .target(
            name: "Files", dependencies: ["Base", "CLinux", "COpenSSL", "CZip", "CZlib"],
            swiftSettings: strict),
        .target(name: "NumPy", dependencies: ["Base", "Files"], swiftSettings: strict),
        .target(name: "Pixels", swiftSettings: strict),
        .target(
            name: "VideoIO", dependencies: ["Base", "Files", "Pixels", "CFFmpeg", "CJPEG"],
            swiftSettings: strict),
        .target(name: "Checkpoints", dependencies: ["Base", "Files", "NumPy"], swiftSettings: strict),
        .target(
            name: "Archives", dependencies: ["Base", "Files", "NumPy", "Checkpoints"], swiftSettings: strict),
        .target(name: "Tokenizers", dependencies: ["Base", "Files", "CUTF8Proc"], swiftSettings: strict),
        .target(name: "Downloads", dependencies: ["Base", "Files", "CCurl"], swiftSettings: strict),
        .target(
            name: "ViT",
            dependencies: ["Base", "Files", "Pixels", "Checkpoints", "CKernels", "COneDNN", "COpenBLAS"],
            swiftSettings: strict),
        .target(
            name: "Datasets",
            dependencies: ["Base", "Files", "NumPy", "Pixels", "VideoIO", "Checkpoints", "CKernels", "ViT"],
            swiftSettings: strict),
        .target(
            name: "Graph", dependencies: ["Base", "Files", "NumPy", "Checkpoints", "CKernels", "ViT"],
            swiftSettings: strict),
        .target(
            name: "Training",
            dependencies: [
                "Base", "Files", "Checkpoints", "CKernels", "ViT", "Datasets",
            ],
            swiftSettings: strict),
        .target(
            name: "ModelZoo", dependencies: ["Base", "Files", "Checkpoints", "Downloads", "ViT", "Graph"],
            swiftSettings: strict),
        .target(
            name: "Probing", dependencies: ["Base", "Pixels", "ViT", "Graph"], swiftSettings: strict),
        .target(
            name: "Rendering", dependencies: ["Base", "Pixels", "CKernels", "CCairo"],
            swiftSettings: strict),
        .target(
            name: "Methods",
            dependencies: ["Base", "Pixels", "ViT", "Graph", "Probing", "Rendering"], swiftSettings: strict),
        .target(
            name: "Pipeline",
            dependencies: [
                "Base", "Files", "NumPy", "Archives", "Pixels", "VideoIO", "ViT", "Datasets", "Training",
                "Probing", "Rendering", "Methods",
            ],
            swiftSettings: strict),
        .target(
            name: "Report",
            dependencies: [
                "Base", "Files", "NumPy", "Pixels", "VideoIO", "ViT", "Graph", "Probing", "Rendering",
                "Methods",
                "Pipeline",
            ],
            swiftSettings: strict),
        // The page's own files, in the program itself.
        .target(
            name: "Page",
            resources: [
                .embedInCode("Files/index.html"), .embedInCode("Files/page.css"),
                .embedInCode("Files/icon.svg"),
            ]
                + [
                    "api", "app", "attention", "camera", "controls", "jobs", "keys", "paint", "pane", "state",
                    "status", "tiles", "timeline", "words",
                ].map { .embedInCode("Files/\($0).js") },
            swiftSettings: strict),
        .target(
            name: "Server",
            dependencies: [
                "Base", "Files", "NumPy", "Pixels", "VideoIO", "ViT", "Graph", "Probing", "Rendering",
                "Methods",
                "Pipeline", "Page",
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "vitvideo",
            dependencies: [
                "Base", "Files", "Archives", "Pixels", "VideoIO", "Tokenizers", "Downloads", "ViT",
                "Datasets", "Training", "Graph", "ModelZoo",
                "Probing", "Rendering", "Methods", "Pipeline", "Report", "Server",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict),

        // Forward passes alone, and what the CPU could do at best, for Benchmarks/run.py.
        .target(name: "CPeak", path: "Benchmarks/Swift/CPeak", cSettings: kernelFlags),
        .executableTarget(
            name: "vitvideo-bench",
            dependencies: [
                "Files", "NumPy", "Checkpoints", "ViT", "Graph", "Probing", "Datasets", "Training", "CPeak",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Benchmarks/Swift/vitvideo-bench", swiftSettings: strict),

        .target(
            name: "Fixtures", dependencies: ["Base", "Checkpoints", "Files", "Pixels", "ViT", "VideoIO"],
            path: "Tests/Fixtures",
            exclude: [
                "make_goldens.py",
                "make_pickles.py",
                "check_masks.py",
                "check_true_shapes.py",
                "check_exports.py",
                "check_graph_models.py",
                "check_propagation.py",
                "golden_scripts",
                "make_colormaps.py",
                "make_resampling.py",
                "make_stills.py",
                "make_checkpoint_goldens.py",
                "make_onnx_exports.py",
                "failing_allocator.c",
            ],
            resources: [.copy("goldens")], swiftSettings: strict),
        .target(name: "LocalServer", path: "Tests/LocalServer", swiftSettings: strict),
        .testTarget(
            name: "VideoIOTests", dependencies: ["Base", "Files", "VideoIO", "Fixtures"],
            swiftSettings: unoptimized),
        // A `flock` that fails where a test asks for it.
        .target(name: "CFlock", path: "Tests/CFlock"),
        .testTarget(
            name: "FilesTests", dependencies: ["Base", "CFlock", "Files", "Fixtures"],
            swiftSettings: unoptimized),
        .testTarget(
            name: "NumPyTests", dependencies: ["Base", "Files", "NumPy", "Checkpoints", "Fixtures"],
            swiftSettings: unoptimized),
        .testTarget(
            name: "CheckpointsTests", dependencies: ["Base", "Files", "NumPy", "Checkpoints", "Fixtures"],
            swiftSettings: unoptimized),
        .testTarget(
            name: "ArchivesTests",
            dependencies: ["Base", "Files", "NumPy", "Archives", "Checkpoints", "Fixtures"],
            swiftSettings: unoptimized),
        .testTarget(
            name: "TokenizersTests",
            dependencies: ["Base", "Files", "Tokenizers", "Checkpoints", "Fixtures"],
            swiftSettings: unoptimized),
        .testTarget(
            name: "DownloadsTests", dependencies: ["Base", "Files", "Downloads", "Fixtures", "LocalServer"],
            swiftSettings: unoptimized),
        // Its twins of the kernels compute whole models.
        .testTarget(
            name: "ViTTests",
            dependencies: ["Base", "Files", "ViT", "ModelZoo", "VideoIO", "CKernels", "Fixtures"],
            swiftSettings: strict),
        .testTarget(
            name: "ModelZooTests",
            dependencies: [
                "Base", "Files", "ModelZoo", "ViT", "Checkpoints", "Downloads", "Fixtures", "LocalServer",
            ],
            swiftSettings: unoptimized),
        .testTarget(
            name: "DatasetsTests",
            dependencies: [
                "Base", "Files", "NumPy", "Pixels", "VideoIO", "Checkpoints", "ViT", "Datasets", "Fixtures",
            ],
            swiftSettings: unoptimized),
        .testTarget(
            name: "TrainingTests",
            dependencies: [
                "Base", "Files", "NumPy", "Checkpoints", "CKernels", "ViT", "Datasets", "Training", "Graph",
                "Fixtures",
            ],
            swiftSettings: unoptimized),
        .testTarget(
            name: "GraphTests",
            dependencies: ["Base", "Files", "NumPy", "Checkpoints", "ViT", "Graph", "Fixtures"],
            swiftSettings: unoptimized),
        .testTarget(
            name: "ArchitectureTests", dependencies: ["Methods", "Fixtures"],
            swiftSettings: unoptimized),
        .testTarget(
            name: "ProbingTests", dependencies: ["Base", "ModelZoo", "Probing", "VideoIO", "Fixtures"],
            swiftSettings: unoptimized),
        .testTarget(
            name: "RenderingTests", dependencies: ["Base", "Rendering", "Fixtures"],
            swiftSettings: unoptimized),
        .testTarget(
            name: "PipelineTests",
            dependencies: [
                "Base", "Files", "NumPy", "Archives", "Graph", "Methods", "Pipeline", "Report", "Checkpoints",
                "ModelZoo",
                "VideoIO", "Fixtures",
            ],
            swiftSettings: unoptimized),
        .testTarget(
            name: "ServerTests", dependencies: ["Base", "Page", "Pipeline", "Server", "Fixtures"],
            swiftSettings: unoptimized),
        .testTarget(
            name: "ReportTests",
            dependencies: [
                "Base", "Files", "NumPy", "Graph", "Methods", "Report", "Checkpoints", "VideoIO", "Fixtures",
            ],
            swiftSettings: unoptimized),
        .testTarget(
            name: "EndToEndTests",
            dependencies: [
                "Base", "Files", "NumPy", "vitvideo", "Checkpoints", "ViT", "ModelZoo", "VideoIO", "Fixtures",
                "LocalServer",
            ],
            swiftSettings: unoptimized),
    ],
    swiftLanguageModes: [.v6],
    cLanguageStandard: .c17
)
