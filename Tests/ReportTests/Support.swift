import Checkpoints
import Fixtures
import Foundation
import Methods
import Pipeline
import Pixels
import ViT
import VideoIO

@testable import Report

extension TemporaryDirectory {
    /// A PNG file of seeded noise.
    func writePicture(_ name: String, height: Int, width: Int, seed: UInt64) throws -> String {
        try StillImage.write(Self.noise(height: height, width: width, seed: seed), to: file(name))
        return file(name)
    }

    static func noise(height: Int, width: Int, seed: UInt64) -> RGBImage {
        var state = seed
        let bytes = (0..<height * width * 3).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(truncatingIfNeeded: state >> 56)
        }
        return RGBImage(height: height, width: width, bytes: bytes)
    }
}

extension ReportSubject {
    /// A model of seeded weights, patches of 4 pixels and 3 heads, that takes pictures as they are.
    static func tiny(_ name: String, names: [String] = ["cat, puss", "big_dog"]) throws -> ReportSubject {
        let model = try Golden(name).model
        return ReportSubject(
            engine: try Engine(model: model), name: name, resolution: .native,
            classification: Classifier(ownOf: model).map {
                Classification(
                    classifier: $0, labels: ClassLabels(names: names), shownCount: 0)
            })
    }
}

/// Makes a report in a directory's `report`.
func makeReport(
    of paths: [String], by subjects: [ReportSubject], in directory: TemporaryDirectory,
    _ options: ReportOptions = ReportOptions(), overwrite: Bool = false, stop: StopRequest = StopRequest(),
    progress: (Int) -> Void = { _ in }
) throws -> ReportJob.Outcome {
    try makeReport(
        of: paths, byModels: subjects, in: directory, options, overwrite: overwrite, stop: stop,
        progress: progress)
}

func makeReport(
    of paths: [String], byModels subjects: [any ReportModel], in directory: TemporaryDirectory,
    _ options: ReportOptions = ReportOptions(), overwrite: Bool = false, stop: StopRequest = StopRequest(),
    progress: (Int) -> Void = { _ in }
) throws -> ReportJob.Outcome {
    try ReportJob(
        path: directory.file("report"), overwrite: overwrite, paths: paths, subjects: subjects,
        options: options, workers: 2, threadsPerPicture: 1, stop: stop, version: "test",
        words: { "\($0)" }
    ).run(progress: progress)
}
