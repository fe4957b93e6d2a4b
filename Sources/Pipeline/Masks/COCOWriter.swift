import Base
import Files
import FoundationEssentials
import Glibc
import Methods
import Pixels
import VideoIO

/// Writes masks as annotations in the format of COCO's object detection, in memory that does not depend on their number:
///
/// - `images`: `id` from 1 on, `file_name`, `width`, `height`, and, besides COCO's, `frame` and `time` in the source
/// - `annotations`: one for each object of each image, with `segmentation` as compressed run lengths, `area`, `bbox`
///   [x, y, width, height], `category_id` and `iscrowd` 0. An object that is not there has none.
/// - `categories`: the objects, by their numbers in the masks
/// - `info`: how the masks came about
///
/// The annotations wait in a file without a name while the images are written.
package final class COCOWriter: MaskOutput {
    private let path: String
    private let file: AtomicFile
    private let annotations: SpoolFile
    private let objectNames: [String]
    private let fileName: (Int) -> String
    private let encoder = JSONEncoder()
    private var imageCount = 0
    private var annotationCount = 0
    /// Objects that have a category: those with names, and all that were seen.
    private var objects: Set<UInt8>
    private var isOpen = true

    /// - Parameters:
    ///   - info: how the masks come about.
    ///   - objectNames: of objects 1, 2, …; further ones are called by their numbers.
    ///   - fileName: of the picture that a frame of the source is, or could be extracted to.
    /// - Throws: `VitvideoError` of kind `cannotCreate`.
    package init(
        path: String, overwrite: Bool, info: Provenance, objectNames: [String],
        fileName: @escaping (Int) -> String
    ) throws {
        self.path = path
        self.objectNames = objectNames
        self.fileName = fileName
        objects = Set((0..<min(255, objectNames.count)).map { UInt8($0 + 1) })
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        file = try AtomicFile(path, overwrite: overwrite, wording: .negatedCode)
        annotations = try SpoolFile(beside: path, wording: .negatedCode)
        try file.write("{\"info\":\(try info.json()),\n\"images\":[")
    }

    package func add(_ mask: IndexMask, frame: Int, timeSeconds: Double) throws {
        imageCount += 1
        let image = Image(
            id: imageCount, fileName: fileName(frame), width: mask.width, height: mask.height, frame: frame,
            time: timeSeconds)
        try file.write((imageCount == 1 ? "\n" : ",\n") + json(image))
        for (object, runs) in COCORunLength.objects(of: mask) {
            annotationCount += 1
            objects.insert(object)
            let annotation = Annotation(
                id: annotationCount, imageID: imageCount, categoryID: Int(object), area: runs.area,
                box: [runs.box.x, runs.box.y, runs.box.width, runs.box.height],
                segmentation: Segmentation(size: [mask.height, mask.width], counts: runs.text))
            try annotations.write((annotationCount == 1 ? "\n" : ",\n") + json(annotation))
        }
    }

    package func finish() throws { try finish(as: nil) }

    package func finishPartial() throws -> String? {
        let name = OutputFormat.partialName(of: path)
        try finish(as: name)
        return name
    }

    package func abandon() {
        guard isOpen else { return }
        isOpen = false
        file.abandon()
    }

    package var temporaryPaths: [String] { file.temporaryPaths }

    private func finish(as name: String?) throws {
        guard isOpen else { return }
        do {
            try file.write("\n],\n\"annotations\":[")
            try annotations.move(to: file)
            let categories = objects.sorted().map { object in
                Category(
                    id: Int(object),
                    name: objectNames.indices.contains(Int(object) - 1)
                        ? objectNames[Int(object) - 1] : "object \(object)")
            }
            try file.write("\n],\n\"categories\":\(json(categories))}\n")
            try file.commit(as: name)
        } catch {
            abandon()
            throw error
        }
        isOpen = false
    }

    private func json(_ value: some Encodable) throws -> String {
        String(decoding: try encoder.encode(value), as: UTF8.self)
    }
}

// MARK: The format

extension COCOWriter {
    fileprivate struct Image: Encodable {
        let id: Int
        let fileName: String
        let width: Int
        let height: Int
        let frame: Int
        let time: Double

        enum CodingKeys: String, CodingKey {
            case id, width, height, frame, time
            case fileName = "file_name"
        }
    }

    fileprivate struct Annotation: Encodable {
        let id: Int
        let imageID: Int
        let categoryID: Int
        let area: Int
        let box: [Int]
        let segmentation: Segmentation
        let isCrowd = 0

        enum CodingKeys: String, CodingKey {
            case id, area, segmentation
            case imageID = "image_id"
            case categoryID = "category_id"
            case box = "bbox"
            case isCrowd = "iscrowd"
        }
    }

    fileprivate struct Segmentation: Encodable {
        /// Height and width of the image.
        let size: [Int]
        let counts: String
    }

    fileprivate struct Category: Encodable {
        let id: Int
        let name: String
    }
}
