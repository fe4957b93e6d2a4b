import Base
import Files
import Fixtures
import Foundation
import Methods
import Pipeline
import Pixels
import Testing
import ViT

/// COCO's run lengths, as pycocotools makes them (`golden_scripts/masks.py`), and its files.
@Suite struct COCOTests {
    private struct Goldens: Decodable {
        struct Case: Decodable, Sendable {
            let height: Int
            let width: Int
            /// The mask in rows: an object and how many pixels of it follow.
            let runs: [[Int]]
            let objects: [Expected]

            var mask: IndexMask {
                IndexMask(
                    height: height, width: width,
                    indices: runs.flatMap { [UInt8](repeating: UInt8($0[0]), count: $0[1]) })
            }
        }

        struct Expected: Decodable, Equatable {
            let object: Int
            let counts: String
            let area: Int
            let bbox: [Int]
        }

        let cases: [Case]
    }

    private static func expected(_ runs: COCORunLength, _ object: UInt8) -> Goldens.Expected {
        Goldens.Expected(
            object: Int(object), counts: runs.text, area: runs.area, bbox: numbers(runs.box))
    }

    private static func numbers(_ box: COCORunLength.Box) -> [Int] {
        [box.x, box.y, box.width, box.height]
    }

    @Test func runLengthsAreThoseOfPycocotools() throws {
        let goldens = try JSONDecoder().decode(
            Goldens.self, from: Data(contentsOf: Fixtures.golden("masks/rle.json")))
        #expect(goldens.cases.count == 8)
        for golden in goldens.cases {
            let made = COCORunLength.objects(of: golden.mask).map { Self.expected($0.runs, $0.object) }
            #expect(made == golden.objects, "\(golden.height) × \(golden.width)")
        }
    }

    /// By hand: columns are read from the top, the background first.
    @Test func countsAreOfColumns() {
        let mask = IndexMask(height: 2, width: 3, indices: [0, 1, 0, 0, 1, 2])
        let objects = COCORunLength.objects(of: mask)
        #expect(objects.map(\.object) == [1, 2])
        #expect(objects[0].runs.counts == [2, 2, 2] && objects[0].runs.text == "222")
        #expect(objects[0].runs.area == 2)
        #expect(Self.numbers(objects[0].runs.box) == [1, 0, 1, 2])
        #expect(objects[1].runs.counts == [5, 1])
        #expect(Self.numbers(objects[1].runs.box) == [2, 1, 1, 1])
        // Inside from the first pixel on; from the fourth count on differences to the one two before.
        let stripes = IndexMask(height: 1, width: 7, indices: [1, 0, 0, 0, 1, 1, 0])
        let runs = COCORunLength.objects(of: stripes)[0].runs
        #expect(runs.counts == [0, 1, 3, 2, 1])
        // 2 − 1 = 1, and 1 − 3 = −2, whose five bits are 11110.
        #expect(runs.text == "0131N")
        // 32 has six bits, so it takes two characters: 00000 with more to follow, then 00001.
        #expect(COCORunLength.objects(of: IndexMask(height: 4, width: 8, repeating: 1))[0].runs.text == "0P1")
        #expect(COCORunLength.objects(of: IndexMask(height: 3, width: 5)).isEmpty)
        #expect(COCORunLength.objects(of: IndexMask(height: 0, width: 5)).isEmpty)
    }

    /// What a reader finds in a file.
    private struct Document: Decodable {
        struct Image: Decodable {
            let id: Int
            let file_name: String
            let width: Int
            let height: Int
            let frame: Int
            let time: Double
        }

        struct Annotation: Decodable {
            struct Segmentation: Decodable {
                let size: [Int]
                let counts: String
            }

            let id: Int
            let image_id: Int
            let category_id: Int
            let area: Int
            let bbox: [Int]
            let iscrowd: Int
            let segmentation: Segmentation
        }

        struct Category: Decodable, Equatable {
            let id: Int
            let name: String
        }

        let info: [String: String]
        let images: [Image]
        let annotations: [Annotation]
        let categories: [Category]
    }

    private func writer(_ path: String, objectNames: [String] = ["dog"]) throws -> COCOWriter {
        var info = Provenance(
            of: try TinyModels.probed("plain", shortSide: 48).model, precision: .float32, version: "1")
        for key in ["mean", "std", "num_heads", "patch", "grid", "layer_norm_epsilon", "assumed"] {
            info[key] = nil
        }
        return try COCOWriter(path: path, overwrite: false, info: info, objectNames: objectNames) {
            "frame-\($0).png"
        }
    }

    private func read(_ path: String) throws -> Document {
        try JSONDecoder().decode(Document.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
    }

    @Test func filesHoldImagesAnnotationsAndCategories() throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("out.json")
        let coco = try writer(path)
        let two = IndexMask(height: 2, width: 3, indices: [0, 1, 0, 0, 1, 4])
        try coco.add(two, frame: 7, timeSeconds: 0.5)
        try coco.add(IndexMask(height: 2, width: 3), frame: 8, timeSeconds: 0.75)
        try coco.add(two, frame: 10, timeSeconds: 1)
        #expect(!FileManager.default.fileExists(atPath: path))
        try coco.finish()
        let document = try read(path)
        #expect(document.info["precision"] == "fp32")
        #expect(document.images.map(\.id) == [1, 2, 3] && document.images.map(\.frame) == [7, 8, 10])
        #expect(document.images.map(\.file_name) == ["frame-7.png", "frame-8.png", "frame-10.png"])
        #expect(document.images.allSatisfy { $0.height == 2 && $0.width == 3 })
        #expect(document.images.map(\.time) == [0.5, 0.75, 1])
        // An image without an object has no annotation.
        #expect(document.annotations.map(\.id) == [1, 2, 3, 4])
        #expect(document.annotations.map(\.image_id) == [1, 1, 3, 3])
        #expect(document.annotations.map(\.category_id) == [1, 4, 1, 4])
        #expect(document.annotations.map(\.area) == [2, 1, 2, 1])
        #expect(document.annotations[1].bbox == [2, 1, 1, 1])
        #expect(document.annotations.allSatisfy { $0.segmentation.size == [2, 3] && $0.iscrowd == 0 })
        #expect(document.annotations[0].segmentation.counts == "222")
        #expect(
            document.categories
                == [Document.Category(id: 1, name: "dog"), Document.Category(id: 4, name: "object 4")])
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == ["out.json"])
    }

    /// Without a frame the lists are empty; what is abandoned leaves nothing; what is cut short has another name.
    @Test func endings() throws {
        let directory = try TemporaryDirectory()
        let empty = try writer(directory.file("empty.json"))
        #expect(try empty.finishPartial() == directory.file("empty.partial.json"))
        let document = try read(directory.file("empty.partial.json"))
        #expect(document.images.isEmpty && document.annotations.isEmpty && document.categories.count == 1)
        let abandoned = try writer(directory.file("none.json"), objectNames: [])
        try abandoned.add(IndexMask(height: 2, width: 2, repeating: 3), frame: 0, timeSeconds: 0)
        abandoned.abandon()
        try abandoned.finish()
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == ["empty.partial.json"])
    }

    /// More annotations than the scratch file gathers in memory, with a character that JSON escapes.
    @Test func longListsAreWhole() throws {
        let directory = try TemporaryDirectory()
        var generator = SplitMix64(seed: 4)
        let coco = try writer(directory.file("out.json"))
        var counts: [String] = []
        for frame in 0..<60 {
            var indices = (0..<10_800).map { _ in UInt8.random(in: 0...1, using: &generator) }
            // A first run of 44, down the first column, is written with a backslash.
            for row in 0..<44 { indices[row * 120] = 0 }
            indices[44 * 120] = 1
            let mask = IndexMask(height: 90, width: 120, indices: indices)
            counts.append(COCORunLength.objects(of: mask)[0].runs.text)
            try coco.add(mask, frame: frame, timeSeconds: Double(frame))
        }
        try coco.finish()
        #expect(counts.joined().utf8.count > 300_000 && counts.joined().contains("\\"))
        #expect(try read(directory.file("out.json")).annotations.map(\.segmentation.counts) == counts)
    }
}
