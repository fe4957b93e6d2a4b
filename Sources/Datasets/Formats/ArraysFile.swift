import Base
import NumPy

/// An npz of pictures and their labels, under the names that Keras, MedMNIST, scikit-learn and others give them.
///
/// Pictures are `N × H × W`, `N × H × W × 1`, `N × H × W × 3`, `N × 1 × H × W` or `N × 3 × H × W`: whole numbers in 0…255, or
/// other numbers in 0…255 or in 0…1. Labels are `N` or `N × 1` numbers that are whole.
struct ArraysFile {
    private enum Part: CaseIterable {
        case training, validation, test

        var images: [String] {
            switch self {
            case .training: ["x_train", "train_images", "train_x", "images", "x", "data"]
            case .validation: ["x_val", "val_images", "val_x", "x_valid", "valid_images", "x_validation"]
            case .test: ["x_test", "test_images", "test_x"]
            }
        }

        var labels: [String] {
            switch self {
            case .training:
                ["y_train", "train_labels", "train_y", "labels", "label", "y", "target", "targets"]
            case .validation: ["y_val", "val_labels", "val_y", "y_valid", "valid_labels", "y_validation"]
            case .test: ["y_test", "test_labels", "test_y"]
            }
        }
    }

    /// Where the names of the classes may stand.
    private static let classNames = ["class_names", "classes", "label_names", "target_names", "names"]

    private let path: String
    private let archive: NPZReader
    /// The arrays by their names in small letters.
    private let names: [String: String]

    private init(_ path: String) throws {
        self.path = path
        archive = try NPZReader(path)
        names = Dictionary(archive.names.map { ($0.lowercased(), $0) }) { first, _ in first }
    }

    /// - Throws: `VitvideoError` of kind `badData` where arrays are missing, damaged, or do not fit together.
    static func pictures(in path: String) throws -> LabelledPictures { try ArraysFile(path).pictures() }

    /// The pictures of a part, before it is known what their values go up to.
    private struct Images {
        let name: String
        let count: Int
        let height: Int
        let width: Int
        let layout: ArrayPictures.Layout
        let samples: Samples
    }

    private enum Samples {
        case bytes([UInt8])
        case floats([Float])

        var largest: Float { if case .floats(let values) = self { values.max() ?? 0 } else { 255 } }
    }

    private func pictures() throws -> LabelledPictures {
        var images: [Part: Images] = [:]
        var labels: [Part: [Int32]] = [:]
        var warnings: [String] = []
        for part in Part.allCases {
            let found = (first(part.images), first(part.labels))
            guard let name = found.0, let labelName = found.1 else {
                if part == .training { throw missing() }
                if let alone = found.0 ?? found.1 {
                    warnings.append(
                        "\(path): \(quoted(alone)) is not used: it has no \(found.0 == nil ? "images" : "labels")"
                    )
                }
                continue
            }
            let read = try self.images(name)
            let own = try self.labels(labelName)
            guard own.count == read.count else {
                throw refusal(
                    "\(quoted(name)) holds \(read.count) pictures, but \(quoted(labelName)) \(own.count) labels"
                )
            }
            (images[part], labels[part]) = (read, own)
        }
        let stores = try stores(images)
        let all = Part.allCases.flatMap { labels[$0] ?? [] }
        let counts = Part.allCases.map { labels[$0]?.count ?? 0 }
        let (training, given) = (counts[0], counts[0] + counts[1])
        return try LabelledPictures(
            path: path, format: .arrays, classNames: try classNames(labels: all, count: all.count),
            pictures: JoinedPictures(stores), labels: all,
            parts: .init(
                training: 0..<training, validation: counts[1] > 0 ? training..<given : nil,
                test: counts[2] > 0 ? given..<all.count : nil),
            warnings: warnings)
    }

    /// The array under the first of some names that is there.
    private func first(_ candidates: [String]) -> String? { candidates.lazy.compactMap { names[$0] }.first }

    private func missing() -> VitvideoError {
        let there = archive.names.prefix(12).map(quoted).joined(separator: ", ")
        return refusal(
            "it holds no images and labels to train on; its arrays are \(there.isEmpty ? "none" : there)",
            "name them 'images' and 'labels', or 'x_train' and 'y_train'")
    }

    private func refusal(_ reason: String, _ advice: String? = nil) -> VitvideoError {
        VitvideoError(
            .badData, cannot: "train on", path: path, reason: reason, nextStep: advice.map(NextStep.advice))
    }

    // MARK: Pictures

    private func images(_ name: String) throws -> Images {
        let array = try archive.array(name)
        let shape = array.shape
        let layout: ArrayPictures.Layout
        let (height, width): (Int, Int)
        switch shape.count {
        case 3: (layout, height, width) = (.gray, shape[1], shape[2])
        case 4 where shape[3] == 3: (layout, height, width) = (.interleaved, shape[1], shape[2])
        case 4 where shape[3] == 1: (layout, height, width) = (.gray, shape[1], shape[2])
        case 4 where shape[1] == 3: (layout, height, width) = (.planar, shape[2], shape[3])
        case 4 where shape[1] == 1: (layout, height, width) = (.gray, shape[2], shape[3])
        case 2:
            throw refusal(
                "\(quoted(name)) holds flattened pictures, \(shape[0])×\(shape[1])",
                "save them as pictures × height × width, by numpy.reshape")
        default:
            throw refusal(
                "\(quoted(name)) has the shape \(oneLine("\(shape)")), which is not that of pictures",
                "save them as pictures × height × width, or with 3 channels behind")
        }
        guard shape[0] > 0, height > 0, width > 0 else { throw refusal("\(quoted(name)) holds no pictures") }
        return Images(
            name: name, count: shape[0], height: height, width: width, layout: layout,
            samples: try samples(array, name))
    }

    private func samples(_ array: NPYArray, _ name: String) throws -> Samples {
        guard case .number(let type) = array.element else {
            throw refusal("\(quoted(name)) holds text, not pictures")
        }
        switch type {
        case .uint8: return .bytes(array.bytes)
        case .bool: return .bytes(array.bytes.map { $0 == 0 ? 0 : 255 })
        case .float64, .float32, .float16, .bfloat16:
            let values = try array.floats()
            if let wrong = values.first(where: { !(0...255).contains($0) }) {
                throw refusal(
                    "\(quoted(name)) holds \(wrong), and pictures have values in 0…255 or in 0…1",
                    "save the pictures as they are before normalization")
            }
            return .floats(values)
        default:
            return .bytes(
                try array.integers().map { value in
                    guard let byte = UInt8(exactly: value) else {
                        throw refusal("\(quoted(name)) holds \(value), and pictures have values in 0…255")
                    }
                    return byte
                })
        }
    }

    /// Numbers that are not whole become bytes, by one rule for all parts: where none is above 1 they are shares of 255.
    private func stores(_ images: [Part: Images]) throws -> [ArrayPictures] {
        let parts = Part.allCases.compactMap { images[$0] }
        let scale: Float = parts.contains { $0.samples.largest > 1 } ? 1 : 255
        return parts.map { images in
            let bytes: [UInt8] =
                switch images.samples {
                case .bytes(let bytes): bytes
                case .floats(let values): values.map { UInt8(($0 * scale).rounded()) }
                }
            return ArrayPictures(
                height: images.height, width: images.width, layout: images.layout, bytes: bytes)
        }
    }

    // MARK: Labels

    private func labels(_ name: String) throws -> [Int32] {
        let array = try archive.array(name)
        let isColumn = array.shape.count == 1 || array.shape.count == 2 && array.shape[1] == 1
        guard isColumn else {
            throw refusal(
                "\(quoted(name)) has the shape \(oneLine("\(array.shape)")), not one label a picture",
                array.shape.count == 2 ? "of one column a class, save numpy.argmax" : nil)
        }
        guard case .number(let type) = array.element else {
            throw refusal(
                "\(quoted(name)) holds text", "save whole numbers from 0, and the texts as 'class_names'")
        }
        let values = try type.isFloatingPoint ? whole(try array.floats(), name) : try array.integers()
        return try values.map { value in
            guard value >= 0, let label = Int32(exactly: value) else {
                throw refusal("\(quoted(name)) holds the label \(value)", "labels are whole numbers from 0")
            }
            return label
        }
    }

    private func whole(_ values: [Float], _ name: String) throws -> [Int] {
        try values.map { value in
            guard let integer = Int(exactly: value) else {
                throw refusal("\(quoted(name)) holds the label \(value)", "labels are whole numbers from 0")
            }
            return integer
        }
    }

    /// The names in the archive, else numbers.
    private func classNames(labels: [Int32], count: Int) throws -> [String] {
        if let name = first(Self.classNames) {
            let array = try archive.array(name)
            // `classes` are the labels themselves at times.
            if array.shape.count == 1, let texts = try? array.strings(), !texts.isEmpty { return texts }
        }
        let largest = Int(labels.max() ?? 0)
        guard largest < count else {
            throw refusal(
                "the label \(largest) is out of range: there are \(count) pictures",
                "number the classes from 0")
        }
        return (0...largest).map(String.init)
    }
}
