"""Inverse kinematics of a robot arm: the joints that bring the hand to a place, and how they follow it.

Denavit and Hartenberg's four numbers of a joint (theta, d, a, alpha) make its transform; their product is where the
hand is. Levenberg and Marquardt's steps solve

    (J^T J + lambda I) step = -J^T e,   e = [hand - target; weight (rest - theta)]

with the geometric Jacobian J_k = z_k x (hand - p_k), lambda smaller after a step that helped and larger after one that
did not (Marquardt, 1963; Siciliano et al., Robotics, 2009, chapters 2 and 3). The gradient of the effort by the target
goes through the whole iteration; by the implicit function theorem it is that of the solution.
"""

from __future__ import annotations

import numpy as np

from tests.programs.frame import Program, along, check

REST_WEIGHT = 0.1
ROUNDING = 1 + 1e-12  # near the solution the error changes by less than it is rounded, and every step helps


def joint_transform(theta, d, a, alpha):
    ct, st, ca, sa = np.cos(theta), np.sin(theta), np.cos(alpha), np.sin(alpha)
    return np.array(
        [
            [ct, -st * ca, st * sa, a * ct],
            [st, ct * ca, -ct * sa, a * st],
            [0.0, sa, ca, d],
            [0.0, 0.0, 0.0, 1.0],
        ]
    )


class Arm:
    def __init__(self, offsets, lengths, twists):
        self.offsets, self.lengths, self.twists = offsets, lengths, twists

    def frames(self, theta):
        """The transforms to the base and of each joint: (joints + 1, 4, 4)."""
        n = len(theta)
        frames = np.zeros((n + 1, 4, 4))
        frames[0] = np.eye(4)
        for k in range(n):
            frames[k + 1] = frames[k] @ joint_transform(theta[k], self.offsets[k], self.lengths[k], self.twists[k])
        return frames

    def hand_and_jacobian(self, theta):
        frames = self.frames(theta)
        hand = frames[-1, :3, 3]
        jacobian = np.cross(frames[:-1, :3, 2], hand - frames[:-1, :3, 3]).T
        return hand, jacobian

    def residual(self, theta, target, rest):
        hand, jacobian = self.hand_and_jacobian(theta)
        return (
            np.concatenate([hand - target, REST_WEIGHT * (theta - rest)]),
            np.vstack([jacobian, REST_WEIGHT * np.eye(len(theta))]),
        )

    def reach(self, target, rest, iterations=60):
        theta, damping = rest.copy(), 1e-2
        error, jacobian = self.residual(theta, target, rest)
        for _ in range(iterations):
            gradient = jacobian.T @ error
            if np.linalg.norm(gradient) < 1e-15:
                break
            step = np.linalg.solve(jacobian.T @ jacobian + damping * np.eye(len(theta)), -gradient)
            new_error, new_jacobian = self.residual(theta + step, target, rest)
            if new_error @ new_error <= ROUNDING * (error @ error):
                theta, error, jacobian = theta + step, new_error, new_jacobian
                damping = max(damping / 10, 1e-15)
            else:
                damping *= 5
        return theta


def effort(target, rest, offsets, lengths, twists):
    """What the joints move, in a weighting that tells them apart."""
    theta = Arm(offsets, lengths, twists).reach(target, rest)
    return np.sum(np.arange(1, len(theta) + 1) * (theta - rest) ** 2)


def arguments(joints):
    rng = np.random.default_rng(joints)
    lengths, offsets = rng.uniform(0.5, 1.0, joints), rng.uniform(0.0, 0.3, joints)
    twists = np.resize([np.pi / 2, 0.0, -np.pi / 2, 0.3], joints)
    rest = rng.uniform(0.2, 0.8, joints)
    hand, _ = Arm(offsets, lengths, twists).hand_and_jacobian(rest)
    return hand + rng.uniform(-0.4, 0.4, 3), rest, offsets, lengths, twists


def by_the_solution(arguments, direction):
    """How the effort changes where the slope J^T e of the squared error is kept at 0, by differences of that slope."""
    target, rest, offsets, lengths, twists = arguments
    arm = Arm(offsets, lengths, twists)
    theta = arm.reach(target, rest)

    def slope(joints, place):
        error, jacobian = arm.residual(joints, place, rest)
        return jacobian.T @ error

    by_theta = np.transpose([along(lambda joints: slope(joints, target), theta, e) for e in np.eye(len(theta))])
    moves = np.linalg.solve(by_theta, -along(lambda place: slope(theta, place), target, direction))
    return 2 * np.arange(1, len(theta) + 1) * (theta - rest) @ moves


PROGRAM = Program(effort, (arguments(3), arguments(6)), derivative=by_the_solution)


def test_effort():
    check(PROGRAM)
