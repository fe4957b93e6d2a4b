import Base
import Files
import Fixtures
import Foundation
import NumPy
import Pixels
import VideoIO

@testable import Datasets

/// Pictures that are told apart by their values: picture N is of the colour (N, 2N, 3N) modulo 256.
func plainPicture(_ number: Int, height: Int = 8, width: Int = 8) -> RGBImage {
    RGBImage(height: height, width: width) { bytes in
        for place in bytes.indices { bytes[place] = UInt8(truncatingIfNeeded: number * (place % 3 + 1)) }
    }
}

/// A picture of noise.
func noise(height: Int, width: Int, seed: UInt64 = 1) -> RGBImage {
    var generator = SplitMix64(seed: seed)
    return RGBImage(
        height: height, width: width,
        bytes: (0..<(height * width * 3)).map { _ in UInt8(truncatingIfNeeded: generator.next()) })
}

/// Pictures in memory.
struct GivenPictures: PictureStore {
    let images: [RGBImage]

    var count: Int { images.count }

    func picture(_ index: Int) -> RGBImage { images[index] }
}

/// Plain pictures, so many of each class.
func labelled(
    _ counts: [Int], parts: LabelledPictures.Parts? = nil, side: Int = 8
) throws -> LabelledPictures {
    let labels = counts.enumerated().flatMap { [Int32](repeating: Int32($0.offset), count: $0.element) }
    return try LabelledPictures(
        path: "given", format: .arrays, classNames: counts.indices.map { "class \($0)" },
        pictures: GivenPictures(
            images: labels.indices.map { plainPicture($0, height: side, width: side) }),
        labels: labels, parts: parts ?? .init(training: 0..<labels.count), warnings: [])
}

extension TemporaryDirectory {
    /// A PNG file in folders that are made.
    func picture(_ image: RGBImage, at name: String) throws {
        try FileManager.default.createDirectory(
            atPath: file(name).parentPath, withIntermediateDirectories: true)
        try write(try StillImage.pngBytes(image), to: name)
    }

    /// Bytes in folders that are made.
    func bytes(_ bytes: [UInt8], at name: String) throws {
        try FileManager.default.createDirectory(
            atPath: file(name).parentPath, withIntermediateDirectories: true)
        try write(bytes, to: name)
    }

    /// An npz of arrays.
    func arrays(_ name: String, _ arrays: [(name: String, NPYArray)]) throws -> String {
        let writer = try NPZWriter(file(name), overwrite: true)
        for (name, array) in arrays {
            try array.bytes.withUnsafeBytes { try writer.add(name, array.element, shape: array.shape, $0) }
        }
        try writer.finish()
        return file(name)
    }
}

extension NPYArray {
    static func bytes(_ values: [UInt8], _ shape: [Int]) -> NPYArray {
        NPYArray(element: .number(.uint8), shape: shape, bytes: values)
    }

    static func integers(_ values: [Int64], _ shape: [Int]? = nil) -> NPYArray {
        NPYArray(
            element: .number(.int64), shape: shape ?? [values.count],
            bytes: values.withUnsafeBytes { Array($0) })
    }

    static func floats(_ values: [Float], _ shape: [Int]? = nil) -> NPYArray {
        NPYArray(
            element: .number(.float32), shape: shape ?? [values.count],
            bytes: values.withUnsafeBytes { Array($0) })
    }

    static func texts(_ texts: [String]) -> NPYArray {
        let length = texts.map(\.unicodeScalars.count).max() ?? 1
        let codes = texts.flatMap { text in
            text.unicodeScalars.map(\.value)
                + [UInt32](repeating: 0, count: length - text.unicodeScalars.count)
        }
        return NPYArray(
            element: .unicode(length: length), shape: [texts.count],
            bytes: codes.withUnsafeBytes { Array($0) })
    }
}

/// Options with which small pictures stay as they are.
let options = LabelledPictures.Options(shortSide: 64, threads: 2)

/// The one line that opening a source ends with.
func refusal(_ path: String, _ options: LabelledPictures.Options = options) -> VitvideoError? {
    do {
        _ = try LabelledPictures.open(path, options)
        return nil
    } catch {
        return error as? VitvideoError
    }
}
