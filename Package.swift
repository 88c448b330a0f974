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
    .library(name: "AssayTensor", targets: ["AssayTensor"]),
    .library(name: "AssayText", targets: ["AssayText"]),
    .library(name: "AssayData", targets: ["AssayData"]),
    .library(name: "AssayModel", targets: ["AssayModel"]),
    .library(name: "AssayGenerate", targets: ["AssayGenerate"]),
    .library(name: "AssayReward", targets: ["AssayReward"]),
    .library(name: "AssayTrain", targets: ["AssayTrain"]),
    .library(name: "AssayEvaluate", targets: ["AssayEvaluate"]),
    .library(name: "AssayServe", targets: ["AssayServe"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.0"),
    .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.81.0"),
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.0"),
    // Both come with hummingbird; its server's API speaks their types.
    .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.14.0"),
  ],
  targets: [
    // LibTorch is found through pkg-config: `make` writes libtorch.pc (see Scripts/bootstrap.py).
    .systemLibrary(name: "CLibTorch", pkgConfig: "libtorch"),
    .systemLibrary(
      name: "CZlib",
      pkgConfig: "zlib",
      providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]
    ),
    .target(name: "CTorch", dependencies: ["CLibTorch"]),
    .target(name: "AssayTensor", dependencies: ["CTorch"], swiftSettings: settings),
    .target(name: "AssayText", swiftSettings: settings),
    .target(
      name: "AssayData",
      dependencies: ["AssayText", "CZlib"],
      swiftSettings: settings
    ),
    .target(
      name: "AssayModel",
      dependencies: ["AssayTensor", "AssayText"],
      swiftSettings: settings
    ),
    .target(
      name: "AssayGenerate",
      dependencies: [
        "AssayTensor", "AssayText", "AssayData", "AssayModel",
        .product(name: "AsyncHTTPClient", package: "async-http-client"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
      ],
      swiftSettings: settings
    ),
    .target(
      name: "AssayReward",
      dependencies: ["AssayTensor", "AssayText", "AssayData", "AssayModel", "AssayGenerate"],
      swiftSettings: settings
    ),
    .target(
      name: "AssayTrain",
      dependencies: [
        "AssayTensor", "AssayText", "AssayData", "AssayModel", "AssayGenerate", "AssayReward",
        "Yams",
      ],
      swiftSettings: settings
    ),
    .target(
      name: "AssayEvaluate",
      dependencies: ["AssayText", "AssayData", "AssayReward", "AssayTrain"],
      swiftSettings: settings
    ),
    .target(
      name: "AssayServe",
      dependencies: [
        "AssayTensor", "AssayText", "AssayData", "AssayModel", "AssayGenerate", "AssayReward",
        .product(name: "HummingbirdCore", package: "hummingbird"),
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ],
      swiftSettings: settings
    ),
    .executableTarget(
      name: "assay",
      dependencies: [
        "AssayTensor", "AssayText", "AssayData", "AssayModel", "AssayGenerate", "AssayReward",
        "AssayTrain", "AssayEvaluate", "AssayServe",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: settings
    ),
    .target(
      name: "AssayTestSupport",
      dependencies: [
        "AssayTensor", "AssayText", "AssayData", "AssayModel",
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
      ],
      path: "Tests/AssayTestSupport",
      swiftSettings: settings
    ),
    .testTarget(
      name: "AssayTensorTests",
      dependencies: ["AssayTensor", "AssayTestSupport"],
      swiftSettings: settings
    ),
    .testTarget(
      name: "AssayTextTests",
      dependencies: ["AssayText"],
      resources: [.copy("Fixtures")],
      swiftSettings: settings
    ),
    .testTarget(
      name: "AssayDataTests",
      dependencies: ["AssayData", "AssayText"],
      swiftSettings: settings
    ),
    .testTarget(
      name: "AssayGenerateTests",
      dependencies: [
        "AssayGenerate", "AssayTensor", "AssayText", "AssayData", "AssayModel", "AssayTestSupport",
      ],
      swiftSettings: settings
    ),
    .testTarget(
      name: "AssayModelTests",
      dependencies: ["AssayModel", "AssayTensor", "AssayText", "AssayTestSupport"],
      resources: [.copy("Fixtures")],
      swiftSettings: settings
    ),
    .testTarget(
      name: "AssayRewardTests",
      dependencies: [
        "AssayReward", "AssayTensor", "AssayText", "AssayData", "AssayModel", "AssayGenerate",
        "AssayTestSupport",
      ],
      swiftSettings: settings
    ),
    .testTarget(
      name: "AssayTrainTests",
      dependencies: [
        "AssayTrain", "AssayTensor", "AssayText", "AssayData", "AssayModel", "AssayGenerate",
        "AssayReward", "AssayEvaluate", "AssayTestSupport",
      ],
      resources: [.copy("Fixtures")],
      swiftSettings: settings
    ),
    .testTarget(
      name: "AssayCommandTests",
      dependencies: ["AssayTensor", "AssayText", "AssayModel", "AssayTestSupport"],
      swiftSettings: settings
    ),
    .testTarget(
      name: "AssayServeTests",
      dependencies: [
        "AssayServe", "AssayReward", "AssayGenerate", "AssayModel", "AssayText", "AssayData",
        "AssayTensor", "AssayTestSupport",
        .product(name: "AsyncHTTPClient", package: "async-http-client"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
      ],
      swiftSettings: settings
    ),
    .testTarget(
      name: "AssayEvaluateTests",
      dependencies: ["AssayEvaluate", "AssayReward", "AssayText", "AssayData"],
      swiftSettings: settings
    ),
  ],
  cxxLanguageStandard: .cxx20
)
