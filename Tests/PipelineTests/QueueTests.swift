import Base
import Foundation
import Testing

struct Boom: Error, Equatable { let number: Int }

@Suite struct BoundedBufferTests {
    @Test func holdsNoMoreThanItsCapacity() {
        var buffer = BoundedBuffer<Int>(capacity: 2)
        #expect(buffer.push(1) == .stored)
        #expect(buffer.push(2) == .stored)
        #expect(buffer.push(3) == .full)
    }

    @Test func givesWhatWasStoredBeforeTheEnd() throws {
        var buffer = BoundedBuffer<Int>(capacity: 2)
        _ = buffer.push(1)
        buffer.close(.success(()))
        #expect(buffer.push(2) == .closed)
        #expect(try buffer.pop().settled == .some(.some(1)))
        #expect(try buffer.pop().settled == .some(.none))
    }

    @Test func givesTheErrorAfterWhatWasStored() throws {
        var buffer = BoundedBuffer<Int>(capacity: 2)
        _ = buffer.push(1)
        buffer.close(.failure(Boom(number: 1)))
        buffer.close(.failure(Boom(number: 2)))
        #expect(try buffer.pop().settled == .some(.some(1)))
        #expect(throws: Boom(number: 1)) { try buffer.pop() }
    }

    @Test func aCancelledBufferEndsAtOnce() throws {
        var buffer = BoundedBuffer<Int>(capacity: 2)
        _ = buffer.push(1)
        buffer.cancel()
        #expect(buffer.push(2) == .closed)
        #expect(try buffer.pop().settled == .some(.none))
    }
}

@Suite struct ResequencingBufferTests {
    @Test func putsResultsInOrder() throws {
        var buffer = ResequencingBuffer<String>(capacity: 3)
        #expect(buffer.insert("c", at: 2) == .stored)
        #expect(try buffer.pop().settled == nil)
        #expect(buffer.insert("a", at: 0) == .stored)
        #expect(buffer.insert("b", at: 1) == .stored)
        #expect(try buffer.pop().settled == "a")
        #expect(try buffer.pop().settled == "b")
        #expect(try buffer.pop().settled == "c")
    }

    @Test func theNextResultDueIsNeverHeldUp() {
        var buffer = ResequencingBuffer<Int>(capacity: 1)
        #expect(buffer.insert(1, at: 1) == .full)
        #expect(buffer.insert(0, at: 0) == .stored)
    }
}

@Suite struct BoundedQueueTests {
    @Test func aProducerThatIsAheadWaits() throws {
        let queue = BoundedQueue<Int>(capacity: 2)
        let pushed = Monitor(0)
        let producer = StageThread(name: "producer") {
            for i in 0..<100 {
                guard queue.push(i) else { return }
                pushed.change { $0 += 1 }
            }
            queue.finish()
        }
        for i in 0..<100 {
            #expect(try queue.pop() == i)
            // Taken: i + 1. Stored: at most 2. One more may have been counted only after it was taken.
            #expect(pushed.wait { $0 } <= i + 3)
        }
        #expect(try queue.pop() == nil)
        producer.join()
    }

    @Test func aDeadConsumerReleasesTheProducer() {
        let queue = BoundedQueue<Int>(capacity: 1)
        let outcome = Monitor<[Bool]>([])
        let producer = StageThread(name: "producer") {
            let first = queue.push(1)
            outcome.change { $0.append(first) }
            let second = queue.push(2)
            outcome.change { $0.append(second) }
        }
        outcome.wait { $0.count == 1 ? true : nil }
        queue.cancel()
        producer.join()
        #expect(outcome.wait { $0 } == [true, false])
    }
}
