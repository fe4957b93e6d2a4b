import Base
import Pixels

/// Pictures by number, whatever they lie in.
package protocol PictureStore: Sendable {
    var count: Int { get }

    /// A picture as RGB; grey ones have the same value in all channels. Called by several threads.
    ///
    /// - Throws: `VitvideoError` that names the file, where it cannot be read any more.
    func picture(_ index: Int) throws -> RGBImage

    /// The sums of a picture's values; throws as `picture`.
    func sums(_ index: Int) throws -> ChannelSums
}

extension PictureStore {
    package func sums(_ index: Int) throws -> ChannelSums { ChannelSums(of: try picture(index)) }
}

/// The pictures of several stores, one after the other.
struct JoinedPictures: PictureStore {
    private let stores: [any PictureStore]
    /// Where each store begins.
    private let starts: [Int]
    let count: Int

    init(_ stores: [any PictureStore]) {
        self.stores = stores
        var starts: [Int] = []
        var count = 0
        for store in stores {
            starts.append(count)
            count += store.count
        }
        self.starts = starts
        self.count = count
    }

    func picture(_ index: Int) throws -> RGBImage {
        let (store, place) = place(of: index)
        return try store.picture(place)
    }

    func sums(_ index: Int) throws -> ChannelSums {
        let (store, place) = place(of: index)
        return try store.sums(place)
    }

    private func place(of index: Int) -> (any PictureStore, Int) {
        // Of the empty stores that begin at the same place the last one that begins there is not empty.
        let number = starts.lastIndex { $0 <= index } ?? 0
        return (stores[number], index - starts[number])
    }
}
