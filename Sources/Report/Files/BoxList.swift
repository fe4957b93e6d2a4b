import Base
import Files
import FoundationEssentials
import Glibc

/// Where things are in pictures, and what they are: a table of comma-separated values, `path, x0, y0, x1, y1, label`,
/// or COCO's JSON.
package struct BoxList: Sendable {
    /// A rectangle in pixels of the picture: columns x0 ..< x1, rows y0 ..< y1.
    struct Box: Sendable, Equatable {
        /// The picture's, as the list has it.
        let path: String
        let x0: Int
        let y0: Int
        let x1: Int
        let y1: Int
        /// Nil where the list has none.
        let label: String?
        /// Where in the list it is: "line 3".
        let place: String

        /// - Throws: `VitvideoError` of kind `badData` for a box without area, or that begins outside every picture.
        init(
            path: String, corners: (x0: Double, y0: Double, x1: Double, y1: Double), label: String?,
            place: String
        ) throws {
            self.path = path
            self.label = label
            self.place = place
            func whole(_ name: String, _ value: Double) throws -> Int {
                guard value.isFinite, abs(value) < 1e9 else {
                    throw VitvideoError(.badData, reason: "\(place): \(name) is no number of pixels")
                }
                return Int(value.rounded())
            }
            (x0, y0) = (try whole("x0", corners.x0), try whole("y0", corners.y0))
            (x1, y1) = (try whole("x1", corners.x1), try whole("y1", corners.y1))
            for (name, start, end) in [("x", x0, x1), ("y", y0, y1)] {
                guard start >= 0 else {
                    throw VitvideoError(
                        .badData, reason: "\(place): \(name)0 is \(start), outside the picture")
                }
                guard end > start else {
                    throw VitvideoError(
                        .badData,
                        reason:
                            "\(place): the box is empty, \(name)1 (\(end)) is not above \(name)0 (\(start))"
                    )
                }
            }
        }
    }

    /// The list's file.
    let source: String
    let boxes: [Box]

    /// Reads a file of either kind.
    ///
    /// - Throws: `VitvideoError` of kind `noInput` where it cannot be read, of kind `badData` for what is wrong in it.
    package init(contentsOf path: String) throws {
        source = path
        guard let bytes = FileSystem.contents(of: path) else {
            let reason = FileSystem.exists(path) ? "it is no file that can be read" : systemText(ENOENT)
            throw VitvideoError(.noInput, cannot: "read", path: path, reason: reason)
        }
        boxes = try locating("use", path) {
            let isJSON = bytes.first { !" \t\r\n".utf8.contains($0) } == UInt8(ascii: "{")
            let boxes = try isJSON ? Self.coco(bytes) : Self.table(FileName.text(of: bytes))
            guard !boxes.isEmpty else { throw VitvideoError(.badData, reason: "it holds no box") }
            return boxes
        }
    }

    // MARK: Comma-separated values

    /// The first row may be a header: its coordinates are no numbers.
    private static func table(_ text: String) throws -> [Box] {
        try CSVRows.rows(of: text).enumerated().compactMap { index, row in
            let place = "line \(row.line)"
            let numbers = row.fields.dropFirst().prefix(4).map { Double($0) }
            if index == 0, row.fields.count >= 5, numbers.allSatisfy({ $0 == nil }) { return nil }
            guard row.fields.count == 5 || row.fields.count == 6, !row.fields[0].isEmpty else {
                throw VitvideoError(
                    .badData,
                    reason:
                        "\(place) has \(row.fields.count) field\(row.fields.count == 1 ? "" : "s"), where a box is "
                        + "path,x0,y0,x1,y1,label")
            }
            guard let x0 = numbers[0], let y0 = numbers[1], let x1 = numbers[2], let y1 = numbers[3] else {
                let wrong = row.fields.dropFirst().prefix(4).first { Double($0) == nil } ?? ""
                throw VitvideoError(.badData, reason: "\(place): \(quoted(wrong)) is no number of pixels")
            }
            let label = row.fields.count == 6 && !row.fields[5].isEmpty ? row.fields[5] : nil
            return try Box(path: row.fields[0], corners: (x0, y0, x1, y1), label: label, place: place)
        }
    }

    // MARK: COCO

    /// The part of COCO's annotations that is read; `bbox` is x, y, width, height.
    private struct Annotations: Decodable {
        struct Image: Decodable {
            let id: Int
            let fileName: String
        }

        struct Annotation: Decodable {
            let imageId: Int
            let bbox: [Double]
            let categoryId: Int?
        }

        struct Category: Decodable {
            let id: Int
            let name: String
        }

        let images: [Image]
        let annotations: [Annotation]
        let categories: [Category]?
    }

    private static func coco(_ bytes: [UInt8]) throws -> [Box] {
        let content: Annotations
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        do {
            content = try decoder.decode(Annotations.self, from: Data(bytes))
        } catch {
            throw VitvideoError(
                .badData,
                reason: "it is JSON that does not hold COCO's images and annotations with their bbox")
        }
        let files = Dictionary(content.images.map { ($0.id, $0.fileName) }) { first, _ in first }
        let names = Dictionary((content.categories ?? []).map { ($0.id, $0.name) }) { first, _ in first }
        return try content.annotations.enumerated().map { index, annotation in
            let place = "annotation \(index)"
            guard let path = files[annotation.imageId] else {
                throw VitvideoError(
                    .badData,
                    reason: "\(place) is of image \(annotation.imageId), which is not among the images")
            }
            let box = annotation.bbox
            guard box.count == 4 else {
                throw VitvideoError(.badData, reason: "\(place): bbox has \(box.count) numbers, not 4")
            }
            return try Box(
                path: path, corners: (box[0], box[1], box[0] + box[2], box[1] + box[3]),
                label: annotation.categoryId.flatMap { names[$0] }, place: place)
        }
    }
}
