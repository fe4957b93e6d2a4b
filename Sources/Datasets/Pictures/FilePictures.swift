import Base
import Files
import Glibc
import Pixels
import ViT
import VideoIO

/// Pictures in files of their own, of any sizes.
///
/// Each is decoded once when they are opened, which shows the damaged ones before any training. Its short side is brought
/// to a number of pixels where it is longer; as many as fit into the budget are kept so, the others are decoded again when
/// they are asked for, to the same bytes.
struct FilePictures: PictureStore {
    /// What became of a file.
    enum Outcome: Sendable {
        case picture(ChannelSums, kept: RGBImage?)
        /// It cannot be used; the error names it.
        case unusable(VitvideoError)
    }

    private let paths: [String]
    private let shortSide: Int
    private let pictures: [(sums: ChannelSums, kept: RGBImage?)]

    var count: Int { paths.count }
    /// Pictures that are decoded whenever they are asked for.
    var decodedAnew: Int { pictures.count { $0.kept == nil } }

    /// Decodes files, and keeps what the budget allows.
    ///
    /// - Parameters:
    ///   - shortSide: in pixels; pictures with a shorter one stay as they are.
    ///   - threads: that decode.
    /// - Returns: what became of each file.
    /// - Throws: `VitvideoError` of kind `unavailable` where a decoder or memory is lacking.
    static func decode(
        _ paths: [String], shortSide: Int, budgetBytes: Int, threads: Int
    ) throws -> [Outcome] {
        let left = Mutex(budgetBytes)
        let work = OrderedWork(0..<paths.count, name: "decode", threads: threads, ahead: threads) { index in
            do {
                let image = try read(paths[index], shortSide: shortSide)
                let fits = left.withLock { left in
                    guard image.bytes.count <= left else { return false }
                    left -= image.bytes.count
                    return true
                }
                return Outcome.picture(ChannelSums(of: image), kept: fits ? image : nil)
            } catch let error as VitvideoError where error.kind != .unavailable {
                return Outcome.unusable(error)
            }
        }
        defer { work.stop() }
        var outcomes: [Outcome] = []
        while let outcome = try work.next() { outcomes.append(outcome) }
        return outcomes
    }

    /// - Parameter pictures: of each file what `decode` gave.
    init(_ paths: [String], shortSide: Int, pictures: [(sums: ChannelSums, kept: RGBImage?)]) {
        precondition(paths.count == pictures.count, "each file has its picture")
        (self.paths, self.shortSide, self.pictures) = (paths, shortSide, pictures)
    }

    func picture(_ index: Int) throws -> RGBImage {
        try pictures[index].kept ?? Self.read(paths[index], shortSide: shortSide)
    }

    func sums(_ index: Int) -> ChannelSums { pictures[index].sums }

    private static func read(_ path: String, shortSide: Int) throws -> RGBImage {
        // A named pipe would keep the thread waiting.
        close(try openForReading(path))
        let image = try VideoReader.picture(in: path)
        let short = min(image.height, image.width)
        guard short > shortSide else { return image }
        // torchvision truncates the long side.
        let (height, width) = (shortSide * image.height / short, shortSide * image.width / short)
        let planes = Resize(from: (image.height, image.width), to: (height, width)).planes(
            of: image, height: height, width: width, scale: [1, 1, 1], offset: [0, 0, 0])
        return RGBImage(planes: planes, height: height, width: width) { value, _ in value }
    }
}
