import Base
import Files
import Pixels
import VideoIO

/// A folder with a folder of pictures for each class, or with such folders within `train`, `val` and `test`.
///
/// Classes are numbered in the order of their folders' names, byte by byte, as torchvision's `ImageFolder` does; pictures are
/// known by their extension and lie at any depth. Hidden folders are no classes.
struct ClassFolders {
    private enum Part: CaseIterable {
        case training, validation, test

        var names: Set<String> {
            switch self {
            case .training: ["train", "training"]
            case .validation: ["val", "valid", "validation"]
            case .test: ["test", "testing"]
            }
        }

        static func named(_ name: String) -> Part? {
            allCases.first { $0.names.contains(name.lowercased()) }
        }
    }

    /// Damaged pictures that are named; of the others a line gives the number.
    private static let namedLosses = 20

    private let path: String
    private let classNames: [String]
    /// The files of each part, in order: their class and their path.
    private var files: [Part: [(label: Int32, path: String)]] = [:]

    /// Looks for the classes and lists their pictures.
    ///
    /// - Throws: `VitvideoError` where there are no folders of classes, or one without pictures.
    init(_ path: String) throws {
        let root = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
        self.path = root
        let names = try Self.folders(in: root)
        let parts = names.map(Part.named)
        guard parts.contains(.training), !parts.contains(nil) else {
            classNames = names
            files[.training] = try Self.files(of: names, classes: names, in: root)
            return
        }
        guard Set(parts).count == parts.count else {
            throw VitvideoError(
                .badData, cannot: "train on", path: root,
                reason: "two of its folders are for the same: \(names.map(quoted).joined(separator: ", "))",
                nextStep: .advice("keep one of them"))
        }
        let folders = zip(parts, names).compactMap { part, name in part.map { ($0, "\(root)/\(name)") } }
        classNames = try folders.first { $0.0 == .training }.map { try Self.folders(in: $0.1) } ?? []
        for (part, folder) in folders {
            let own = try Self.folders(in: folder)
            files[part] = try Self.files(of: own, classes: classNames, in: folder)
        }
    }

    /// The names of the folders in a folder that may be classes, in their order.
    private static func folders(in path: String) throws -> [String] {
        guard let entries = FileSystem.names(in: path) else {
            throw VitvideoError.system(.noInput, cannot: "read", path: path)
        }
        let folders = entries.filter { name in
            !name.hasPrefix(".") && FileSystem.isDirectory("\(path)/\(name)")
        }
        guard folders.isEmpty else {
            return folders.sorted { FileName.bytes(of: $0).lexicographicallyPrecedes(FileName.bytes(of: $1)) }
        }
        let hasPictures = (try? PictureList.paths(of: [path])) != nil
        throw VitvideoError(
            .noInput, cannot: "train on", path: path,
            reason: hasPictures
                ? "its pictures do not lie in folders of classes"
                : "it holds neither folders of classes nor CIFAR-10 or CIFAR-100",
            nextStep: .advice("put the pictures into a folder for each class, such as \(path)/cat/1.png"))
    }

    private static func files(
        of names: [String], classes: [String], in folder: String
    ) throws -> [(label: Int32, path: String)] {
        let labels = Dictionary(zip(classes, classes.indices.map(Int32.init))) { first, _ in first }
        return try names.flatMap { name in
            guard let label = labels[name] else {
                throw VitvideoError(
                    .badData, cannot: "train on", path: "\(folder)/\(name)",
                    reason: "there is no such class among those to train on")
            }
            return try PictureList.paths(of: ["\(folder)/\(name)"]).map { (label, $0) }
        }
    }

    /// Decodes the pictures. Damaged ones are left out and told.
    ///
    /// - Throws: `VitvideoError` for a damaged picture where the options are strict, where a class has lost all its
    ///   pictures, and where a decoder is lacking.
    func pictures(_ options: LabelledPictures.Options) throws -> LabelledPictures {
        let parts = Part.allCases.map { files[$0] ?? [] }
        let all = parts.flatMap { $0 }
        let outcomes = try FilePictures.decode(
            all.map(\.path), shortSide: options.shortSide, budgetBytes: options.budgetBytes,
            threads: options.threads)
        var used: [(file: (label: Int32, path: String), picture: (ChannelSums, kept: RGBImage?))] = []
        var losses: [(label: Int32, error: VitvideoError)] = []
        var ranges: [Range<Int>] = []
        var place = 0
        for part in parts {
            let start = used.count
            for file in part {
                switch outcomes[place] {
                case .picture(let sums, let kept): used.append((file, (sums, kept)))
                case .unusable(let error):
                    if options.isStrict { throw error }
                    losses.append((file.label, error))
                }
                place += 1
            }
            ranges.append(start..<used.count)
        }
        try checkLosses(losses, training: Set(used[ranges[0]].map(\.file.label)), total: all.count)
        let pictures = FilePictures(
            used.map(\.file.path), shortSide: options.shortSide,
            pictures: used.map { (sums: $0.picture.0, kept: $0.picture.kept) })
        var warnings = warnings(losses.map(\.error), total: all.count)
        if pictures.decodedAnew > 0 {
            warnings.append(
                "\(path): \(pictures.decodedAnew) of \(pictures.count) pictures do not fit into "
                    + "\(byteText(options.budgetBytes)) and are decoded in every epoch")
        }
        return try LabelledPictures(
            path: path, format: .classFolders, classNames: classNames.map(FileName.shown),
            pictures: pictures, labels: used.map(\.file.label),
            parts: .init(
                training: ranges[0], validation: ranges[1].isEmpty ? nil : ranges[1],
                test: ranges[2].isEmpty ? nil : ranges[2]),
            warnings: warnings)
    }

    /// - Throws: `VitvideoError` where nothing is left, or nothing of a class.
    private func checkLosses(
        _ losses: [(label: Int32, error: VitvideoError)], training: Set<Int32>, total: Int
    ) throws {
        if losses.count == total, let first = losses.first {
            throw VitvideoError(
                .badData, cannot: "train on", path: path,
                reason: "none of \(total) pictures could be used; the first: \(first.error)")
        }
        if let lost = losses.first(where: { !training.contains($0.label) }) {
            throw VitvideoError(
                .badData, cannot: "train on", path: path,
                reason: "no picture of class \(quoted(classNames[Int(lost.label)])) could be used; "
                    + "the first: \(lost.error)")
        }
    }

    private func warnings(_ losses: [VitvideoError], total: Int) -> [String] {
        guard !losses.isEmpty else { return [] }
        let named = losses.prefix(Self.namedLosses).map { "a picture is left out: \($0)" }
        return named + ["\(path): \(losses.count) of \(total) pictures are left out"]
    }
}
