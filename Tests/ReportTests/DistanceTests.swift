import Fixtures
import Foundation
import NumPy
import Pipeline
import Probing
import Testing
import ViT
import VideoIO

@testable import Report

@Suite struct DistanceTests {
    /// The mean over NumPy's distances of three pictures (`make_goldens.py`), two of them not square.
    @Test(arguments: Golden.names) func theMeanIsNumPys(name: String) throws {
        let golden = try Golden(name)
        let expected = try golden.probing()
        let meter = MeanAttentionDistance(pass: try ForwardPass(model: golden.model))
        var mean = DistanceMean()
        var sums = [Double](repeating: 0, count: golden.config.depth * golden.config.heads)
        for caseName in ["native", "square", "wide"] {
            mean.add(try meter.add(try golden.input(caseName)).distances)
            for block in 0..<golden.config.depth {
                for (head, value) in try expected.floats("\(caseName)/distance.\(block)").enumerated() {
                    sums[block * golden.config.heads + head] += Double(value)
                }
            }
        }
        #expect(mean.pictures == 3)
        #expect(mean.mean == meter.mean)
        #expect(
            relativeError(mean.mean.flatMap { $0 }.map { Float($0) }, sums.map { Float($0 / 3) }) <= 1e-4)
    }

    /// Of all pictures, though one is shown; in their order, whatever worker had them.
    @Test func everyPictureCountsInItsOrder() throws {
        let directory = try TemporaryDirectory()
        let subject = try ReportSubject.tiny("distilled")
        let paths = try (0..<9).map {
            try directory.writePicture(
                "\($0).png", height: 8 + 4 * ($0 % 3), width: 20, seed: UInt64($0) + 1)
        }
        let outcome = try makeReport(
            of: paths, by: [subject], in: directory,
            ReportOptions(sections: ["distance", "heads"], figures: 1))
        #expect(outcome == .complete(PictureCounts(used: 9, skipped: [])))

        let meter = MeanAttentionDistance(pass: try ForwardPass(engine: subject.engine))
        let single = try paths.map {
            try meter.add(try subject.probed.preprocessor.patches(of: try StillImage.read($0))).distances
        }
        let archive = try NPZReader(directory.file("report/arrays/distance-distilled.npz"))
        let c = subject.model.configuration
        #expect(try archive.array("per_picture").shape == [9, c.depth, c.heads])
        #expect(try archive.array("per_picture").doubles() == single.flatMap { $0.flatMap { $0 } })
        #expect(try archive.array("mean_attention_distance").shape == [c.depth, c.heads])
        #expect(try archive.array("mean_attention_distance").doubles() == meter.mean.flatMap { $0 })
        let names = try String(contentsOfFile: directory.file("report/arrays/pictures.txt"), encoding: .utf8)
        #expect(names.split(separator: "\n").map(String.init) == paths)
        let figures = try FileManager.default.contentsOfDirectory(atPath: directory.file("report/figures"))
        #expect(figures.sorted() == ["distance-distilled.svg", "heads-1-distilled.png"])
    }

    @Test func theFigureHasADotForEveryHead() {
        let figure = DistanceFigure.chart(
            [[10, 30], [40, 60], [70, 90]], title: "", yLimits: (0, 100))
        let series = figure.charts[0].series
        #expect(series[0].points.map(\.x) == [0, 1, 2] && series[0].points.map(\.y) == [20, 50, 80])
        #expect(series[1].points.map(\.x) == [0, 0, 1, 1, 2, 2])
        #expect(series[1].points.map(\.y) == [10, 30, 40, 60, 70, 90])
        #expect(series[1].marks == .dots(radius: 5))
    }
}
