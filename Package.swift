// swift-tools-version: 6.2
import PackageDescription

/// One rule set for every Swift target; each layer imports only those above it.
let settings: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .treatAllWarnings(as: .error),
]

let package = Package(
  name: "assay",
  platforms: [.macOS(.v15)],
  products: [
    .executable(name: "assay", targets: ["assay"]),
    .library(name: "AssayKit", targets: ["AssayKit"]),
    // What `assay` opens when something is to be computed; other programs have it in themselves.
    .library(name: "AssayTorch", type: .dynamic, targets: ["CTorchEngine"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.0"),
    .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.81.0"),
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.0"),
    // They come with hummingbird; its server's API speaks their types.
    .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.14.0"),
    .package(url: "https://github.com/apple/swift-nio-extras", from: "1.34.1"),
  ],
  targets: [
    // LibTorch is found through pkg-config: `make` writes libtorch.pc (see Scripts/bootstrap.py).
    .systemLibrary(name: "CLibTorch", pkgConfig: "libtorch"),
    .systemLibrary(
      name: "CZlib",
      pkgConfig: "zlib",
      providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]
    ),
    // The interface of the engine, and two ways to have it: linked, or opened when it is first called.
    .systemLibrary(name: "CTorch"),
    .target(
      name: "CTorchEngine",
      dependencies: ["CLibTorch"],
      cxxSettings: [.headerSearchPath("../CTorch"), .headerSearchPath("gloo_declarations")]
    ),
    .target(name: "CTorchDoor", cSettings: [.headerSearchPath("../CTorch")]),
    .target(name: "AssayTensor", dependencies: ["CTorch", "CZlib"], swiftSettings: settings),
    .target(
      name: "AssayBase",
      dependencies: [.product(name: "Crypto", package: "swift-crypto")],
      swiftSettings: settings
    ),
    .target(name: "AssayRun", dependencies: ["AssayBase", "Yams"], swiftSettings: settings),
    .target(
      name: "AssayHub",
      dependencies: [
        "AssayBase",
        .product(name: "AsyncHTTPClient", package: "async-http-client"),
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
      ],
      swiftSettings: settings
    ),
    .target(
      name: "AssayText",
      dependencies: ["AssayBase", .product(name: "HeapModule", package: "swift-collections")],
      swiftSettings: settings
    ),
    .target(
      name: "AssayData",
      dependencies: ["AssayBase", "AssayText", "CZlib"],
      swiftSettings: settings
    ),
    .target(
      name: "AssayModel",
      dependencies: ["AssayBase", "AssayTensor", "AssayText"],
      swiftSettings: settings
    ),
    .target(
      name: "AssayGenerate",
      dependencies: [
        "AssayBase", "AssayTensor", "AssayText", "AssayData", "AssayModel",
        .product(name: "AsyncHTTPClient", package: "async-http-client"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
      ],
      swiftSettings: settings
    ),
    .target(
      name: "AssayReward",
      dependencies: [
        "AssayBase", "AssayTensor", "AssayText", "AssayData", "AssayModel", "AssayGenerate",
      ],
      swiftSettings: settings
    ),
    .target(
      name: "AssayEvaluate",
      dependencies: [
        "AssayBase", "AssayRun", "AssayTensor", "AssayText", "AssayData", "AssayModel",
        "AssayGenerate", "AssayReward",
      ],
      swiftSettings: settings
    ),
    .target(
      name: "AssayTrain",
      dependencies: [
        "AssayBase", "AssayRun", "AssayTensor", "AssayText", "AssayData", "AssayModel",
        "AssayGenerate", "AssayReward", "AssayEvaluate",
      ],
      swiftSettings: settings
    ),
    .target(
      name: "AssayStudy",
      dependencies: [
        "AssayBase", "AssayRun", "AssayTensor", "AssayText", "AssayData", "AssayModel",
        "AssayGenerate", "AssayReward", "AssayEvaluate", "AssayTrain",
      ],
      // Part of the binary: `assay demo` needs no file.
      resources: [.embedInCode("Resources/demo.yaml")],
      swiftSettings: settings
    ),
    .target(
      name: "AssayServe",
      dependencies: [
        "AssayBase", "AssayTensor", "AssayText", "AssayData", "AssayModel", "AssayGenerate",
        "AssayReward",
        .product(name: "HummingbirdCore", package: "hummingbird"),
        .product(name: "HummingbirdTLS", package: "hummingbird"),
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ],
      swiftSettings: settings
    ),
    // What other packages use: the one target with public symbols.
    .target(
      name: "AssayKit",
      dependencies: [
        "AssayBase", "AssayRun", "AssayTensor", "AssayText", "AssayData", "AssayModel",
        "AssayGenerate", "AssayReward", "AssayEvaluate", "AssayTrain", "AssayStudy", "CTorchEngine",
      ],
      exclude: ["AssayKit.docc"],
      swiftSettings: settings
    ),
    .executableTarget(
      name: "ScoreExample",
      dependencies: ["AssayKit"],
      path: "Examples/Score",
      swiftSettings: settings
    ),
    .executableTarget(
      name: "TrainExample",
      dependencies: ["AssayKit"],
      path: "Examples/Train",
      swiftSettings: settings
    ),
    // Reads damaged inputs of every format; see Fuzz/Fuzz.swift.
    .executableTarget(
      name: "AssayFuzz",
      dependencies: [
        "AssayBase", "AssayRun", "AssayTensor", "AssayText", "AssayData", "AssayModel",
        "AssayGenerate", "AssayEvaluate", "AssayTrain", "AssayStudy", "CTorchEngine",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      path: "Fuzz",
      exclude: ["Seeds"],
      swiftSettings: settings
    ),
    .executableTarget(
      name: "assay",
      dependencies: [
        "AssayBase", "AssayRun", "AssayHub", "AssayTensor", "AssayText", "AssayData", "AssayModel",
        "AssayGenerate", "AssayReward", "AssayEvaluate", "AssayTrain", "AssayStudy", "AssayServe",
        "CTorchDoor",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: settings
    ),
    .target(
      name: "AssayTestSupport",
      dependencies: [
        "AssayBase", "AssayTensor", "AssayText", "AssayData", "AssayModel", "CTorchEngine",
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
      ],
      path: "Tests/AssayTestSupport",
      swiftSettings: settings
    ),
    .testTarget(
      name: "AssayTensorTests",
      dependencies: ["AssayBase", "AssayTensor", "AssayTestSupport"],
      resources: [.copy("Fixtures")],
      swiftSettings: settings
    ),
    .testTarget(
      name: "AssayTextTests",
      dependencies: ["AssayBase", "AssayText"],
      resources: [.copy("Fixtures")],
      swiftSettings: settings
    ),
    .testTarget(
      name: "AssayHubTests",
      dependencies: ["AssayBase", "AssayHub", "AssayTestSupport"],
      swiftSettings: settings
    ),
    .testTarget(
      name: "AssayDataTests",
      dependencies: ["AssayBase", "AssayData", "AssayText"],
      swiftSettings: settings
    ),
    .testTarget(
      name: "AssayGenerateTests",
      dependencies: [
        "AssayBase", "AssayGenerate", "AssayTensor", "AssayText", "AssayData", "AssayModel",
        "AssayTestSupport",
      ],
      swiftSettings: settings
    ),
    .testTarget(
      name: "AssayModelTests",
      dependencies: ["AssayBase", "AssayModel", "AssayTensor", "AssayText", "AssayTestSupport"],
      resources: [.copy("Fixtures")],
      swiftSettings: settings
    ),
    .testTarget(
      name: "AssayRewardTests",
      dependencies: [
        "AssayBase", "AssayReward", "AssayTensor", "AssayText", "AssayData", "AssayModel",
        "AssayGenerate",
        "AssayTestSupport",
      ],
      swiftSettings: settings
    ),
    .testTarget(
      name: "AssayTrainTests",
      dependencies: [
        "AssayBase", "AssayTrain", "AssayTensor", "AssayText", "AssayData", "AssayModel",
        "AssayGenerate",
        "AssayReward", "AssayEvaluate", "AssayRun", "AssayStudy", "AssayTestSupport",
      ],
      resources: [.copy("Fixtures")],
      swiftSettings: settings
    ),
    .testTarget(
      name: "AssayCommandTests",
      dependencies: ["AssayBase", "AssayTensor", "AssayText", "AssayModel", "AssayTestSupport"],
      swiftSettings: settings
    ),
    .testTarget(
      name: "AssayKitTests",
      dependencies: ["AssayKit", "AssayModel", "AssayTestSupport"],
      swiftSettings: settings
    ),
    .testTarget(
      name: "AssayServeTests",
      dependencies: [
        "AssayBase", "AssayServe", "AssayReward", "AssayGenerate", "AssayModel", "AssayText",
        "AssayData",
        "AssayTensor", "AssayTestSupport",
        .product(name: "AsyncHTTPClient", package: "async-http-client"),
        .product(name: "HummingbirdTLS", package: "hummingbird"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ],
      resources: [.copy("Fixtures")],
      swiftSettings: settings
    ),
    .testTarget(
      name: "AssayEvaluateTests",
      dependencies: [
        "AssayBase", "AssayEvaluate", "AssayStudy", "AssayReward", "AssayText", "AssayData",
        "AssayModel",
        "AssayGenerate", "AssayTestSupport",
      ],
      resources: [.copy("Fixtures")],
      swiftSettings: settings
    ),
  ],
  cxxLanguageStandard: .cxx20
)
